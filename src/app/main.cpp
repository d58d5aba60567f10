#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <iostream>

#include "app/verbs.h"
#include "base/error.h"

namespace {

void add_verbs(CLI::App& program) {
  using namespace vernier::app;
  add_plan(program);
  add_run(program);
  add_status(program);
  add_fit(program);
  add_predict(program);
  add_optimum(program);
  add_density(program);
  add_eval(program);
  add_ptq(program);
  add_quantize(program);
  add_formats(program);
  add_export(program);
  add_report(program);
  add_bench(program);
  add_signature(program);
}

/// Output that could not be written is no success.
void flush_stdout() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw vernier::Failure("cannot write to stdout");
}

int stopped(int status, std::string_view why) {
  std::cerr << "vernier: " << why << '\n';
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("vernier"));
  spdlog::set_pattern("%^%l%$ %v");
  CLI::App program(
      "vernier: trains families of small transformers at simulated 3-16-bit precision and fits scaling laws to them");
  program.name("vernier");
  program.require_subcommand(1);
  program.set_version_flag("--version", VERNIER_VERSION);
  try {
    add_verbs(program);
    program.parse(argc, argv);
    flush_stdout();
    return 0;
  } catch (const CLI::ParseError& problem) {
    return program.exit(problem, std::cout, std::cerr) == 0 ? 0 : 2;
  } catch (const vernier::Error& problem) {
    return stopped(2, problem.what());
  } catch (const vernier::Interrupted& stop) {
    return stopped(130, stop.what());
  } catch (const std::exception& problem) {
    return stopped(1, std::string("failed: ") + problem.what());
  }
}
