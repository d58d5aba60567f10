// Errors that are the user's to mend, and the list of all of them at once.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace vernier {

/// A mistake in the user's input: a file, an argument, a value. The program prints it and ends with exit status 2.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something that was asked for correctly but did not work (a run or a check failed): exit status 1.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user asked to stop; everything finished is kept. Exit status 130.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One problem per element, each "place: what was found; what was expected".
using Problems = std::vector<std::string>;

/// Throws one Error that lists every problem, one per line; returns when there are none.
void refuse_if(const Problems& problems);

}  // namespace vernier
