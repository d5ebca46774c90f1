#include "bytes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gigstream {

namespace {

constexpr float LARGEST = 127;
constexpr float LEAST = 1e-30f;  // what is smaller is all off

int padded(int factors) { return (factors + LANE_BYTES - 1) / LANE_BYTES * LANE_BYTES; }

float scale_of(const float* vector, int factors) {
    float most = 0;
    for (int k = 0; k < factors; k++) most = std::max(most, std::fabs(vector[k]));
    return most > LEAST ? most / LARGEST : 1;
}

// Calls put(k, byte) for every factor.
template <class Put>
Rounded rounded(const float* vector, int factors, float scale, Put put) {
    double off = 0, length = 0;
    for (int k = 0; k < factors; k++) {
        float byte = std::min(LARGEST, std::max(-LARGEST, std::nearbyint(vector[k] / scale)));
        put(k, int(byte));
        double held = double(byte) * scale, missing = vector[k] - held;
        off += missing * missing;
        length += held * held;
    }
    return {std::sqrt(off), std::sqrt(length)};
}

}  // namespace

ByteRows::ByteRows(const float* vectors, int64_t count, int factors, int threads)
    : rounded(count),
      width(padded(factors)),
      bytes(size_t(count + GROUP) * width),
      scale(count + GROUP),
      start(count + GROUP) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t row = 0; row < count; row++) {
        const float* vector = vectors + row * factors;
        int8_t* to = bytes.data() + row * width;
        int sum = 0;
        scale[row] = scale_of(vector, factors);
        rounded[row] = gigstream::rounded(vector, factors, scale[row], [&](int k, int byte) {
            to[k] = int8_t(byte);
            sum += byte;
        });
        start[row] = -SHIFT * sum;
    }
}

ByteColumns::ByteColumns(const float* vectors, const float* biases, int64_t count, int factors,
                         int threads)
    : width(padded(factors)),
      panel_count((count + BYTE_PANEL - 1) / BYTE_PANEL),
      bytes(size_t(panel_count) * BYTE_PANEL * width, uint8_t(SHIFT)),
      scale(size_t(panel_count) * BYTE_PANEL, 1),
      bias(size_t(panel_count) * BYTE_PANEL, -std::numeric_limits<float>::infinity()) {
    std::copy(biases, biases + count, bias.begin());
    double off = 0, length = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(max : off, length)
    for (int64_t column = 0; column < count; column++) {
        const float* vector = vectors + column * factors;
        uint8_t* to = bytes.data() + column / BYTE_PANEL * BYTE_PANEL * width +
                      column % BYTE_PANEL * LANE_BYTES;
        scale[column] = scale_of(vector, factors);
        Rounded one = rounded(vector, factors, scale[column], [&](int k, int byte) {
            to[k / LANE_BYTES * BYTE_PANEL * LANE_BYTES + k % LANE_BYTES] = uint8_t(byte + SHIFT);
        });
        off = std::max(off, one.off);
        length = std::max(length, one.length);
    }
    largest = {off, length};
}

}  // namespace gigstream
