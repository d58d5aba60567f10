#include "record/run_spec.h"

#include "base/digest.h"
#include "record/archive.h"

namespace vernier {

namespace {
constexpr std::string_view kSchema = "vernier run 1";
}

std::string run_id(const RunSpec& spec, const std::string& corpus_digest) {
  Json named = to_json(spec);
  if (spec.corpus.kind == "text")
    named["corpus"].erase("path");  // the digest names the text; where it lies does not matter
  return digest_of(fmt::format("{}\n{}\n{}", kSchema, corpus_digest, named.dump())).substr(0, 16);
}

}  // namespace vernier
