#include "app/training/corpus_of_run.h"

#include <fmt/format.h>

namespace fs = std::filesystem;

namespace vernier::app {

std::shared_ptr<const data::Corpus> corpus_of_run(const StoredRun& run, const fs::path& folder,
                                                  const std::string& place, const std::string& instead) {
  CorpusSpec spec = run.spec.corpus;
  if (spec.text.path.empty() && !place.empty())
    throw Error(fmt::format("--corpus: {}: the corpus of this run is {}, which has no path", place, spec.kind));
  const fs::path experiment = fs::canonical(folder).parent_path().parent_path().parent_path();
  if (!spec.text.path.empty())
    spec.text.path = place.empty() ? (experiment / spec.text.path).lexically_normal().string() : place;
  const std::string said = place.empty() ? (folder / "spec.yaml").string() : "--corpus";
  Problems problems = data::problems(spec);
  for (std::string& problem : problems)
    problem = fmt::format("{}: corpus.{}; give its place with --corpus PATH, or {}", said, problem, instead);
  refuse_if(problems);
  auto corpus = data::open_corpus(spec);
  if (corpus->digest() != run.record.corpus_digest)
    throw Error(fmt::format("{}: a corpus of digest {}; expected {}, on which the run was trained", said,
                            corpus->digest(), run.record.corpus_digest));
  return corpus;
}

}  // namespace vernier::app
