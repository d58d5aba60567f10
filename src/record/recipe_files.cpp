// The assembler copies the files into this object, each behind its name and both closed by a zero, so the program needs
// none of them when it runs. The list of files comes from src/CMakeLists.txt.
#include "record/recipe_files.h"

#include <string_view>

asm(".pushsection .rodata\n"
    ".global vernier_recipe_files_begin\n"
    ".global vernier_recipe_files_end\n"
    "vernier_recipe_files_begin:\n"
#include "recipe_files.inc"
    "vernier_recipe_files_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const char vernier_recipe_files_begin[];
extern "C" const char vernier_recipe_files_end[];

namespace vernier {

std::vector<std::pair<std::string, std::string>> recipe_files() {
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* at = vernier_recipe_files_begin; at < vernier_recipe_files_end;) {
    const std::string name = at, text = at + name.size() + 1;
    at += name.size() + text.size() + 2;
    files.emplace_back("configs/recipes/" + name, text);
  }
  return files;
}

}  // namespace vernier
