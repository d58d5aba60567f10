#include "density/analysis.h"
#include "density/json.h"

namespace vernier::density {

namespace {

Json json_of(const FormFit& form) {
  const Json fit = form.fit ? fit::to_json(*form.fit) : Json(nullptr);
  return {{"form", form.name}, {"used", form.used}, {"why_absent", text_or_null(form.why_absent)}, {"fit", fit}};
}

Json json_of(const Checkpoint& checkpoint) {
  return {{"name", checkpoint.name},
          {"run_id", checkpoint.run},
          {"finished", checkpoint.finished},
          {"params", checkpoint.params},
          {"tokens", checkpoint.tokens},
          {"task_loss", checkpoint.cloze.loss},
          {"task_loss_se", checkpoint.cloze.loss_se},
          {"score", checkpoint.cloze.accuracy},
          {"score_se", checkpoint.cloze.accuracy_se}};
}

Json json_of(const MeetingGroup& group) {
  return {{"tokens_per_parameter", group.tokens_per_parameter},
          {"runs", group.runs},
          {"density", interval_or_null(group.density)},
          {"ratio", interval_or_null(group.ratio)},
          {"parts", group.parts}};
}

Json json_of(const Meeting& meeting) {
  Json groups = Json::array();
  for (const MeetingGroup& group : meeting.groups) groups.push_back(json_of(group));
  return {{"precision", meeting.precision},
          {"bits", value_or_null(meeting.bits)},
          {"runs", meeting.runs},
          {"beyond", meeting.beyond},
          {"density", interval_or_null(meeting.density)},
          {"share", interval_or_null(meeting.share)},
          {"ratio", interval_or_null(meeting.ratio)},
          {"equal", fit::to_json(meeting.equal)},
          {"slope_with_data", interval_or_null(meeting.slope)},
          {"slope_of_law", 0},
          {"slope_verdict", text_or_null(meeting.slope_verdict)},
          {"groups", groups}};
}

Json json_of(const Meetings& meetings, const std::optional<fit::FitSummary>& law) {
  Json formats = Json::array();
  for (const Meeting& meeting : meetings.formats) formats.push_back(json_of(meeting));
  return {{"law", law ? Json(law->law) : Json(nullptr)},
          {"margin", kMeetingMargin},
          {"formats", formats},
          {"control", meetings.control ? json_of(*meetings.control) : Json(nullptr)},
          {"overall", meetings.overall ? fit::to_json(*meetings.overall) : Json(nullptr)},
          {"why_absent", text_or_null(meetings.why_absent)}};
}

Json frontier_json(const Analysis& analysis) {
  Json points = Json::array();
  for (const FrontierPoint& point : analysis.frontier)
    points.push_back({{"run_id", point.run},
                      {"kind", row_of(point.kind).name},
                      {"precision", point.precision},
                      {"total_bits", point.total_bits},
                      {"value", point.value},
                      {"front", point.front}});
  return {{"of", row_of(analysis.measure).name},
          {"bits",
           "parameters of blocks and final norm at their mean stored bits, scales included; embedding and head "
           "at their own number; 16 bits where nothing is rounded; zeros of unstructured pruning, and where they "
           "are, cost nothing"},
          {"points", points}};
}

Json json_of(const CompressionSummary& compression) {
  Json rows = Json::array();
  for (const CompressedDensity& row : compression.rows)
    rows.push_back({{"run_id", row.run},
                    {"parent", row.parent},
                    {"method", row.method},
                    {"ratio", value_or_null(row.ratio)},
                    {"lo", value_or_null(row.lo)},
                    {"hi", value_or_null(row.hi)},
                    {"verdict", row.verdict},
                    {"why_absent", text_or_null(row.why_absent)}});
  return {{"rows", rows},
          {"compared", compression.compared},
          {"below_parent", compression.below},
          {"less_dense", compression.less_dense},
          {"denser", compression.denser},
          {"sentence", text_or_null(compression.sentence)}};
}

Json json_of(const std::optional<Ranged>& number) {
  if (!number) return nullptr;
  return {{"value", number->value}, {"lo", value_or_null(number->lo)}, {"hi", value_or_null(number->hi)}};
}

Json json_of(const Outlook& outlook, Measure measure) {
  Json points = Json::array();
  for (const OutlookPoint& point : outlook.points)
    points.push_back({{"date", point.date},
                      {"days", point.days},
                      {"extrapolated", point.extrapolated},
                      {"params", json_of(std::optional(point.params))},
                      {"flops_per_token", json_of(point.flops_per_token)},
                      {"affordable", json_of(point.affordable)}});
  return {{"measure", row_of(measure).name},
          {"value", outlook.asked.value},
          {"tokens", outlook.asked.tokens},
          {"n_hat", value_or_null(outlook.n_hat)},
          {"price_halving_days", value_or_null(outlook.asked.price_halving)},
          {"budget", outlook.asked.budget},
          {"doubling_days", json_of(outlook.doubling_days)},
          {"why_absent", text_or_null(outlook.why_absent)},
          {"points", points}};
}

}  // namespace

Json to_json(const Analysis& analysis, const Request& request) {
  const fit::FitSummary* law = analysis.precision_law ? &*analysis.precision_law : nullptr;
  Json object = to_json(analysis.models, analysis.law, analysis.reference, law);
  object["reference_recipe"] = analysis.recipe;
  object["measure"] = row_of(analysis.measure).name;
  object["compared_at"] = request.reference_tokens ? Json(*request.reference_tokens) : Json("own tokens");
  object["why_no_precision_law"] = text_or_null(analysis.why_no_precision_law);
  object["left_out"] = Json::array();
  for (const auto& [run, why] : analysis.left_out) object["left_out"].push_back({{"run", run}, {"why", why}});
  object["sigmoid"] = analysis.score_law ? fit::to_json(*analysis.score_law) : Json(nullptr);
  object["sigmoid_points"] = Json::array();
  for (const Checkpoint& checkpoint : analysis.checkpoints) object["sigmoid_points"].push_back(json_of(checkpoint));
  object["forms"] = Json::array();
  for (const FormFit& form : analysis.forms) object["forms"].push_back(json_of(form));
  object["notes"] = analysis.notes;
  object["typical_law"] = to_json(analysis.typical_law);
  object["meeting"] = json_of(analysis.meetings, analysis.precision_law);
  object["frontier"] = frontier_json(analysis);
  object["compression"] = json_of(analysis.compression);
  object["outlook"] = json_of(analysis.outlook, analysis.measure);
  return object;
}

}  // namespace vernier::density
