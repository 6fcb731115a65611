// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <semaphore>

namespace fllm {

/// One of the places for requests that are prepared, each of which takes memory.
class PreparingPlace {
 public:
  explicit PreparingPlace(std::counting_semaphore<>& places) : places_(places) { places_.acquire(); }
  PreparingPlace(const PreparingPlace&) = delete;
  PreparingPlace& operator=(const PreparingPlace&) = delete;
  ~PreparingPlace() { places_.release(); }

  /// Calls what waits for others, meanwhile without the place.
  template <class Call>
  auto wait(const Call& call) {
    struct Absence {
      std::counting_semaphore<>& places;
      explicit Absence(std::counting_semaphore<>& left) : places(left) { places.release(); }
      Absence(const Absence&) = delete;
      Absence& operator=(const Absence&) = delete;
      ~Absence() { places.acquire(); }
    };
    const Absence absence(places_);
    return call();
  }

 private:
  std::counting_semaphore<>& places_;
};

}  // namespace fllm
