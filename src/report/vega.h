// Small pieces of Vega-Lite specifications. A chart is data; what all charts share is said here once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fit/summary.h"
#include "record/archive.h"

namespace vernier::report::vega {

/// An empty layered chart as wide as the page, with the report's fonts, lines and colours.
Json chart(std::string_view description, int height);

/// {"values": rows}.
Json data(Json rows);

/// A position channel. `extra` is merged into the channel, its "axis" and "scale" into those.
Json linear(std::string_view field, std::string_view title, Json extra = Json::object());
Json logarithmic(std::string_view field, std::string_view title, Json extra = Json::object());
/// The same for counts (parameters, tokens): ticks as 10k, 1M, 3B.
Json logarithmic_count(std::string_view field, std::string_view title, Json extra = Json::object());

/// A channel without axis, title and scale of its own: the second layer on an axis that the first has described.
Json plain(std::string_view field);

/// Colour, and shape, by a field with few ordered values: dark to light, safe for the colour-blind and in grey.
Json ordered_colours(std::string_view field, std::string_view title, const std::vector<std::string>& domain);
Json shapes(std::string_view field, std::string_view title, const std::vector<std::string>& domain);

/// Puts the ends of an interval into a row, as <prefix>lo and <prefix>hi. An open side ends at the value: what is drawn
/// is known.
void add_interval(Json& row, const fit::Interval& interval, const std::string& prefix = "");

/// A horizontal line with a label at its right end.
void add_level(Json& chart, std::string_view y_field, double y, std::string_view label);

inline constexpr std::string_view kInk = "#1b1f24";     ///< points and lines without a group
inline constexpr std::string_view kAccent = "#d55e00";  ///< vermilion of Okabe and Ito: laws
inline constexpr std::string_view kBlue = "#0072b2";    ///< blue of Okabe and Ito: measurements
inline constexpr std::string_view kFaint = "#8a929c";

}  // namespace vernier::report::vega
