// The assembler copies the files into this object, so the program needs none of them when it runs. Their paths come
// from src/CMakeLists.txt.
#include "report/assets.h"

#define VERNIER_EMBED(name, path)                                                    \
  asm(".pushsection .rodata\n"                                                       \
      ".global vernier_" #name                                                       \
      "_begin\n"                                                                     \
      ".global vernier_" #name                                                       \
      "_end\n"                                                                       \
      "vernier_" #name "_begin:\n.incbin \"" path                                    \
      "\"\n"                                                                         \
      "vernier_" #name                                                               \
      "_end:\n.byte 0\n"                                                             \
      ".popsection\n");                                                              \
  extern "C" const char vernier_##name##_begin[];                                    \
  extern "C" const char vernier_##name##_end[];                                      \
  namespace vernier::report {                                                        \
  std::string_view name() { return {vernier_##name##_begin, vernier_##name##_end}; } \
  }

VERNIER_EMBED(vega_js, VERNIER_VEGA_JS)
VERNIER_EMBED(vega_lite_js, VERNIER_VEGA_LITE_JS)
VERNIER_EMBED(vega_embed_js, VERNIER_VEGA_EMBED_JS)
VERNIER_EMBED(page_css, VERNIER_PAGE_CSS)
VERNIER_EMBED(page_js, VERNIER_PAGE_JS)
