// Files that every page carries inside itself: the chart library (npm: vega, vega-lite, vega-embed), style and script.
#pragma once

#include <string_view>

namespace vernier::report {

std::string_view vega_js();
std::string_view vega_lite_js();
std::string_view vega_embed_js();
std::string_view page_css();
std::string_view page_js();

}  // namespace vernier::report
