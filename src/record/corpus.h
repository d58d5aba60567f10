// What a corpus is, as data: enough to make every token of it again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vernier {

/// The oracle language (DESIGN.md, section 4): every next-token probability is known exactly. Formulas: data/oracle.h.
struct OracleSpec {
  std::int64_t seed = 1;           ///< of the language itself; another seed is another language of the same kind
  std::int64_t vocab = 64;         ///< tokens
  std::int64_t orders = 3;         ///< longest context that the mixture looks at [tokens]
  std::int64_t contexts = 262144;  ///< contexts told apart at each order; where there are more they share by hashing
  std::int64_t candidates = 4;     ///< continuations of one context
  double zipf = 1.0;               ///< exponent of the candidates' probabilities by rank
  double token_zipf = 1.0;         ///< exponent of the tokens' overall frequencies by rank
  double order_decay =
      0.5;            ///< weight of order o is (o + 1)^-order_decay, normalised; below 0 long contexts weigh most
  double copy = 0.1;  ///< weight of in-context copying, where there is something to copy
  std::int64_t copy_window = 32;  ///< how far back copying reaches [tokens]

  template <class Archive>
  void fields(Archive& a) {
    a.optional("seed", seed);
    a.optional("vocab", vocab);
    a.optional("orders", orders);
    a.optional("contexts", contexts);
    a.optional("candidates", candidates);
    a.optional("zipf", zipf);
    a.optional("token_zipf", token_zipf);
    a.optional("order_decay", order_decay);
    a.optional("copy", copy);
    a.optional("copy_window", copy_window);
  }
};

/// Plain text as bytes (vocabulary 256). The validation part is cut from the end of every file.
struct TextSpec {
  std::string path;                ///< a file, or a folder whose *.txt files are read in order of their names
  double validation_share = 0.02;  ///< of the bytes of each file

  template <class Archive>
  void fields(Archive& a) {
    a("path", path);
    a.optional("validation_share", validation_share);
  }
};

struct CorpusSpec {
  std::string kind = "oracle";  ///< oracle | text
  OracleSpec oracle;
  TextSpec text;

  template <class Archive>
  void fields(Archive& a) {
    a("kind", kind);
    if (kind == "oracle") oracle.fields(a);
    if (kind == "text") text.fields(a);
  }
};

}  // namespace vernier
