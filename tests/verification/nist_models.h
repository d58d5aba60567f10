// The models of NIST's non-linear regressions as laws, so that the solver of laws can be asked for them. x stands in
// RunPoint::params, a second predictor in tokens, the response in loss.
//
// Our leading `coefficients` enter linearly and are >= 0, so the parameters stand in another order here, and one that
// is negative in NIST's solution is turned round: the formula has a minus sign and the symbol is positive. `order` says
// both: entry k is the number of NIST's parameter that is our k-th, with its sign.
#pragma once

#include "law/laws.h"

namespace nist {

using vernier::law::Parameters, vernier::law::Residual, vernier::law::RunPoint, vernier::law::Scale,
    vernier::law::Symbol;

constexpr Symbol coefficient(std::string_view name) {
  return {name, "1", 0, vernier::law::kNoLimit, 0, 0, Scale::Linear};
}
/// A parameter > 0 that is not linear; `from` and `to` are where a search draws it.
constexpr Symbol shape(std::string_view name, double from, double to) { return {name, "1", 1e-12, 1e12, from, to}; }
constexpr Symbol signed_shape(std::string_view name, double from, double to) {
  return {name, "1", -1e12, 1e12, from, to, Scale::Linear};
}

/// What all models share: residuals are differences, and no parameter depends on units.
struct Model {
  static constexpr Residual residual = Residual::Difference;
  template <std::size_t K>
  static Parameters<double, K> natural(const Parameters<double, K>& theta, double, double) {
    return theta;
  }
};

struct Misra1a : Model {  // and BoxBOD
  static constexpr std::string_view name = "Misra1a";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e-5, 1e-2)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 2>& b, const RunPoint& run) {
    using std::exp;
    return b[0] * (1.0 - exp(-b[1] * run.params));
  }
};

struct BoxBod : Misra1a {
  static constexpr std::string_view name = "BoxBOD";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e-2, 10)};
};

struct Misra1b : Model {
  static constexpr std::string_view name = "Misra1b";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e-5, 1e-2)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 2>& b, const RunPoint& run) {
    const Scalar inner = 1.0 + b[1] * (run.params / 2);
    return b[0] * (1.0 - 1.0 / (inner * inner));
  }
};

struct Misra1c : Model {
  static constexpr std::string_view name = "Misra1c";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e-5, 1e-2)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 2>& b, const RunPoint& run) {
    using std::sqrt;
    return b[0] * (1.0 - 1.0 / sqrt(1.0 + 2.0 * run.params * b[1]));
  }
};

struct Misra1d : Model {
  static constexpr std::string_view name = "Misra1d";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e-5, 1e-2)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 2>& b, const RunPoint& run) {
    return b[0] * (b[1] * run.params / (1.0 + b[1] * run.params));
  }
};

/// Has no parameter that enters linearly.
struct Chwirut : Model {
  static constexpr std::string_view name = "Chwirut";
  static constexpr std::array symbols{shape("b1", 1e-2, 1), shape("b2", 1e-3, 0.1), shape("b3", 1e-3, 0.1)};
  static constexpr std::size_t coefficients = 0;
  static constexpr std::array order{1, 2, 3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp;
    return exp(-b[0] * run.params) / (b[1] + b[2] * run.params);
  }
};

struct Lanczos : Model {
  static constexpr std::string_view name = "Lanczos";
  static constexpr std::array symbols{coefficient("b1"),     coefficient("b3"),     coefficient("b5"),
                                      shape("b2", 0.1, 2.5), shape("b4", 1.5, 4.5), shape("b6", 4, 10)};
  static constexpr std::size_t coefficients = 3;
  static constexpr std::array order{1, 3, 5, 2, 4, 6};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 6>& b, const RunPoint& run) {
    using std::exp;
    return b[0] * exp(-b[3] * run.params) + b[1] * exp(-b[4] * run.params) + b[2] * exp(-b[5] * run.params);
  }
};

/// The first peak is the left one; 130 lies between them in all three sets.
struct Gauss : Model {
  static constexpr std::string_view name = "Gauss";
  static constexpr std::array symbols{coefficient("b1"),
                                      coefficient("b3"),
                                      coefficient("b6"),
                                      shape("b2", 3e-3, 3e-2),
                                      Symbol{"b4", "1", 1e-12, 130, 40, 130},
                                      shape("b5", 10, 40),
                                      Symbol{"b7", "1", 130, 1e12, 130, 220},
                                      shape("b8", 10, 40)};
  static constexpr std::size_t coefficients = 3;
  static constexpr std::array order{1, 3, 6, 2, 4, 5, 7, 8};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 8>& b, const RunPoint& run) {
    using std::exp;
    return b[0] * exp(-b[3] * run.params) + b[1] * peak(b[4], b[5], run) + b[2] * peak(b[6], b[7], run);
  }

 private:
  template <class Scalar>
  static Scalar peak(const Scalar& centre, const Scalar& width, const RunPoint& run) {
    using std::exp;
    const Scalar z = (run.params - centre) / width;
    return exp(-z * z);
  }
};

struct DanWood : Model {
  static constexpr std::string_view name = "DanWood";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 0.5, 10)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 2>& b, const RunPoint& run) {
    using std::exp;
    return b[0] * exp(b[1] * std::log(run.params));
  }
};

/// b2 and b4 turned round.
struct Kirby2 : Model {
  static constexpr std::string_view name = "Kirby2";
  static constexpr std::array symbols{coefficient("b1"), coefficient("-b2"), coefficient("b3"),
                                      shape("-b4", 1e-4, 3e-3), shape("b5", 1e-6, 1e-4)};
  static constexpr std::size_t coefficients = 3;
  static constexpr std::array order{1, -2, 3, -4, 5};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 5>& b, const RunPoint& run) {
    const double x = run.params;
    return (b[0] - b[1] * x + b[2] * (x * x)) / (1.0 - b[3] * x + b[4] * (x * x));
  }
};

/// b2, b4, b5 and b7 turned round.
struct Hahn1 : Model {
  static constexpr std::string_view name = "Hahn1";
  static constexpr std::array symbols{coefficient("b1"),       coefficient("-b2"),       coefficient("b3"),
                                      coefficient("-b4"),      shape("-b5", 1e-3, 2e-2), shape("b6", 5e-5, 2e-3),
                                      shape("-b7", 1e-8, 1e-6)};
  static constexpr std::size_t coefficients = 4;
  static constexpr std::array order{1, -2, 3, -4, -5, 6, -7};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 7>& b, const RunPoint& run) {
    const double x = run.params;
    return (b[0] - b[1] * x + b[2] * (x * x) - b[3] * (x * x * x)) /
           (1.0 - b[4] * x + b[5] * (x * x) - b[6] * (x * x * x));
  }
};

struct Thurber : Model {
  static constexpr std::string_view name = "Thurber";
  static constexpr std::array symbols{coefficient("b1"),     coefficient("b2"),   coefficient("b3"),
                                      coefficient("b4"),     shape("b5", 0.2, 2), shape("b6", 0.1, 1),
                                      shape("b7", 0.01, 0.1)};
  static constexpr std::size_t coefficients = 4;
  static constexpr std::array order{1, 2, 3, 4, 5, 6, 7};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 7>& b, const RunPoint& run) {
    const double x = run.params;
    return (b[0] + b[1] * x + b[2] * (x * x) + b[3] * (x * x * x)) /
           (1.0 + b[4] * x + b[5] * (x * x) + b[6] * (x * x * x));
  }
};

/// The response is ln y; b3 turned round.
struct Nelson : Model {
  static constexpr std::string_view name = "Nelson";
  static constexpr std::array symbols{coefficient("b1"), coefficient("b2"), shape("-b3", 1e-3, 0.1)};
  static constexpr std::size_t coefficients = 2;
  static constexpr std::array order{1, 2, -3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp;
    return b[0] - b[1] * (run.params * exp(b[2] * run.tokens));
  }
};

/// b3 turned round.
struct Mgh17 : Model {
  static constexpr std::string_view name = "MGH17";
  static constexpr std::array symbols{coefficient("b1"), coefficient("b2"), coefficient("-b3"), shape("b4", 1e-3, 0.1),
                                      shape("b5", 1e-3, 0.1)};
  static constexpr std::size_t coefficients = 3;
  static constexpr std::array order{1, 2, -3, 4, 5};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 5>& b, const RunPoint& run) {
    using std::exp;
    return b[0] + b[1] * exp(-b[3] * run.params) - b[2] * exp(-b[4] * run.params);
  }
};

/// b2 and b4 turned round.
struct Roszman1 : Model {
  static constexpr std::string_view name = "Roszman1";
  static constexpr std::array symbols{coefficient("b1"), coefficient("-b2"), shape("b3", 100, 1e4),
                                      shape("-b4", 30, 400)};
  static constexpr std::size_t coefficients = 2;
  static constexpr std::array order{1, -2, 3, -4};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& b, const RunPoint& run) {
    using std::atan;
    return b[0] + b[1] * run.params - atan(b[2] / (run.params + b[3])) / M_PI;
  }
};

/// The amplitudes of the two slow cycles may have either sign on the way, so they are no coefficients.
struct Enso : Model {
  static constexpr std::string_view name = "ENSO";
  static constexpr std::array symbols{coefficient("b1"),   coefficient("b2"),         coefficient("b3"),
                                      shape("b4", 38, 50), signed_shape("b5", -2, 2), signed_shape("b6", -2, 2),
                                      shape("b7", 22, 30), signed_shape("b8", -2, 2), signed_shape("b9", -2, 2)};
  static constexpr std::size_t coefficients = 3;
  static constexpr std::array order{1, 2, 3, 4, 5, 6, 7, 8, 9};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 9>& b, const RunPoint& run) {
    using std::cos, std::sin;
    const double turns = 2 * M_PI * run.params;
    const Scalar slow = turns / b[3], fast = turns / b[6];
    return b[0] + b[1] * std::cos(turns / 12) + b[2] * std::sin(turns / 12) + b[4] * cos(slow) + b[5] * sin(slow) +
           b[7] * cos(fast) + b[8] * sin(fast);
  }
};

struct Mgh09 : Model {
  static constexpr std::string_view name = "MGH09";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 0.02, 50), shape("b3", 0.02, 50),
                                      shape("b4", 0.02, 50)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2, 3, 4};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& b, const RunPoint& run) {
    const double x = run.params;
    return b[0] * ((x * x + b[1] * x) / (x * x + b[2] * x + b[3]));
  }
};

struct Rat42 : Model {
  static constexpr std::string_view name = "Rat42";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 0.5, 10), shape("b3", 0.01, 1)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2, 3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp;
    return b[0] / (1.0 + exp(b[1] - b[2] * run.params));
  }
};

struct Rat43 : Model {
  static constexpr std::string_view name = "Rat43";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1, 20), shape("b3", 0.1, 3), shape("b4", 0.2, 5)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2, 3, 4};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& b, const RunPoint& run) {
    using std::exp, std::log;
    return b[0] * exp(-log(1.0 + exp(b[1] - b[2] * run.params)) / b[3]);
  }
};

struct Mgh10 : Model {
  static constexpr std::string_view name = "MGH10";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1e3, 1e5), shape("b3", 100, 1e4)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2, 3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp;
    return b[0] * exp(b[1] / (run.params + b[2]));
  }
};

struct Eckerle4 : Model {
  static constexpr std::string_view name = "Eckerle4";
  static constexpr std::array symbols{coefficient("b1"), shape("b2", 1, 20), shape("b3", 430, 480)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{1, 2, 3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp;
    const Scalar z = (run.params - b[2]) / b[1];
    return b[0] / b[1] * exp(-0.5 * z * z);
  }
};

/// b1 turned round.
struct Bennett5 : Model {
  static constexpr std::string_view name = "Bennett5";
  static constexpr std::array symbols{coefficient("-b1"), shape("b2", 20, 100), shape("b3", 0.5, 2)};
  static constexpr std::size_t coefficients = 1;
  static constexpr std::array order{-1, 2, 3};
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 3>& b, const RunPoint& run) {
    using std::exp, std::log;
    return -b[0] * exp(-log(b[1] + run.params) / b[2]);
  }
};

}  // namespace nist
