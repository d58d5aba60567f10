// Recipes carry dates and are data: what a model of that time was made of, how it began, and how it was trained. Each
// is a file of configs/recipes that the program carries inside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/architecture.h"

namespace vernier {

/// A work that a recipe follows, and in what.
struct RecipeSource {
  std::string work;                  ///< authors and title
  std::optional<std::string> arxiv;  ///< its number there
  std::int64_t year = 0;
  std::string taken;  ///< what the recipe has from it

  template <class Archive>
  void fields(Archive& a) {
    a("work", work);
    a.optional("arxiv", arxiv);
    a("year", year);
    a("taken", taken);
  }
};

/// How a matrix begins: normal, with this deviation. A file says a number, or "1/sqrt(inputs)".
struct Deviation {
  std::optional<double> fixed = std::nullopt;  ///< absent: 1 / sqrt(inputs) of the matrix

  double of(std::int64_t inputs) const;
};
std::string text_of(const Deviation& deviation);
/// Throws Error where it is neither a number of 0 or more nor "1/sqrt(inputs)".
Deviation deviation_of(const std::string& text);

/// How the matrices begin whose outputs a block adds to the residual stream.
enum class Outputs {
  Same,     ///< as the other matrices
  ByDepth,  ///< as those, times 1 / sqrt(2 depth), the number of what is added (Radford et al., 2019, section 2.3)
  Zero,     ///< so that a block begins as the identity
};
inline constexpr std::array kOutputs{ChoiceRow<Outputs>{"same", Outputs::Same},
                                     ChoiceRow<Outputs>{"1/sqrt(2 depth)", Outputs::ByDepth},
                                     ChoiceRow<Outputs>{"zero", Outputs::Zero}};
static_assert(names_differ(kOutputs));

/// Gains begin with 1 and biases with 0, whatever the recipe.
struct Initialisation {
  Deviation embedding, matrices;
  Outputs outputs = Outputs::Same;
  std::optional<Deviation> positions = std::nullopt;  ///< where they are learned
  std::optional<Deviation> head = std::nullopt;       ///< where it is not tied

  template <class Archive>
  void fields(Archive& a) {
    deviation(a, "embedding", embedding);
    optional_deviation(a, "positions", positions);
    deviation(a, "matrices", matrices);
    choice(a, "outputs", kOutputs, outputs);
    optional_deviation(a, "head", head);
  }

 private:
  template <class Archive>
  static void deviation(Archive& a, const char* key, Deviation& value) {
    std::string text = text_of(value);
    a(key, text);
    value = deviation_of(text);
  }
  template <class Archive>
  static void optional_deviation(Archive& a, const char* key, std::optional<Deviation>& value) {
    std::optional<std::string> text;
    if (value) text = text_of(*value);
    a.optional(key, text);
    value.reset();
    if (text) value = deviation_of(*text);
  }
};

/// What a recipe says about training (record/training.h); the names are those of record/training_choices.h. What is
/// absent belongs to another optimiser or schedule.
struct RecipeTraining {
  std::string optimizer;
  std::optional<double> momentum;
  std::optional<std::string> adjust_lr;
  std::string schedule;
  std::optional<double> final_rate, cooldown;
  double beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  double clip = 0;  ///< largest global gradient norm

  template <class Archive>
  void fields(Archive& a) {
    a("optimizer", optimizer);
    a.optional("momentum", momentum);
    a.optional("adjust_lr", adjust_lr);
    a("schedule", schedule);
    a.optional("final_rate", final_rate);
    a.optional("cooldown", cooldown);
    a("beta1", beta1);
    a("beta2", beta2);
    a("epsilon", epsilon);
    a("weight_decay", weight_decay);
    a("clip", clip);
  }
};

struct Recipe {
  std::string name;
  std::string date;  ///< of the source [YYYY-MM-DD]
  std::vector<RecipeSource> sources;
  std::string left_out;  ///< what the sources do that the recipe does not, and why
  Architecture architecture;
  Initialisation initialisation;
  RecipeTraining training;

  template <class Archive>
  void fields(Archive& a) {
    a("name", name);
    a("date", date);
    a("sources", sources);
    a("left_out", left_out);
    a("architecture", architecture);
    a("initialisation", initialisation);
    a("training", training);
  }
};

/// A recipe as a file says it; `file` is the name used in problems. Throws Error with every problem.
Recipe recipe_from_text(const std::string& text, const std::string& file);

/// All of them, oldest first; read once.
const std::vector<Recipe>& recipes();

/// Throws Error "no recipe is called ...; known: ...".
const Recipe& recipe_named(std::string_view name);

inline const Architecture& architecture_of(std::string_view recipe) { return recipe_named(recipe).architecture; }

}  // namespace vernier
