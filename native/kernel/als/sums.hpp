// Sums over stripes that come out the same whichever thread finishes first.
#pragma once
#include <cstdint>

namespace gigstream {

// Adds stripe 0, 1, 2, ... in that order; a stripe that is early waits as a copy, its thread does
// not. (Summed as they came, two fits of one seed differed in their last bits.)
class OrderedSums {
public:
    OrderedSums(int64_t stripes, int width, double* gram);
    ~OrderedSums();
    void add(int64_t stripe, const float* upper_gram, double value);
    double finish();  // fills the lower triangle; returns the sum of all values

private:
    struct State;
    State* state;
};

}  // namespace gigstream
