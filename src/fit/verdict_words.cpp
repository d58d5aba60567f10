#include "fit/verdict_words.h"

#include <fmt/format.h>

namespace vernier::fit {
namespace {

using Kind = Claim::Kind;

std::string number(double value) { return fmt::format("{:.3g}", value); }

std::string with_unit(const std::string& text, const std::string& unit) {
  return unit.empty() || unit == "1" ? text : text + " " + unit;
}

std::string effect_text(const Effect& effect) {
  std::string text = number(effect.value);
  if (effect.lo && effect.hi) text += fmt::format(" ({} to {})", number(*effect.lo), number(*effect.hi));
  return fmt::format("{} is {}", effect.what, with_unit(text, effect.unit));
}

std::string probability(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.2g}", p); }

/// Where the interval lies, as seen from what was claimed.
std::string position(const Decision& decision) {
  const Kind kind = decision.hypothesis.claim.kind;
  const bool supported = decision.ruling == Ruling::Supported, decided = decision.ruling != Ruling::Undecided;
  if (kind == Kind::Trend)
    return fmt::format("{} zero; {} if the two were unrelated", decided ? "all on one side of" : "on both sides of",
                       probability(*decision.p));
  if (kind == Kind::Interval)
    return !decided ? "partly inside what is claimed"
                    : fmt::format("wholly {} what is claimed", supported ? "inside" : "outside");
  const std::string margin = with_unit(number(*decision.effect->margin), decision.effect->unit);
  const bool is_difference = *decision.p < 0.05;
  return fmt::format("{} the margin of {}, up to which a difference counts as none; {} if there were none{}",
                     supported ? "wholly inside" : "not wholly inside", margin, probability(*decision.p),
                     supported && is_difference ? ", so there is a small one" : "");
}

std::string more(const Decision& decision) {
  if (decision.ruling != Ruling::Undecided) return "";
  if (!decision.more_runs) return decision.why.empty() ? "" : fmt::format(" {}.", decision.why);
  return fmt::format(" About {} more run{} of this kind would decide it, if the effect is as estimated.",
                     *decision.more_runs, *decision.more_runs == 1 ? "" : "s");
}

}  // namespace

std::string sentence_of(const Decision& decision) {
  const auto& [claim, law, margin] = decision.hypothesis;
  const std::string verdict =
      decision.ruling == Ruling::Undecided ? "undecided by these data" : std::string(name_of(decision.ruling));
  if (!decision.effect) return fmt::format("'{}' is {}: {}.", claim.text, verdict, decision.why);
  std::string text = fmt::format("'{}' is {}: over {} runs{} {}", claim.text, verdict, decision.runs,
                                 law.empty() ? "" : fmt::format(", by {},", law), effect_text(*decision.effect));
  if (decision.effect->lo) text += ", " + position(decision);
  return text + "." + more(decision);
}

}  // namespace vernier::fit
