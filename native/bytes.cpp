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

// To the nearest whole number, by which float32 forgets what is beyond its 24 bits. Vectorises where
// `nearbyint` is a call.
float whole(float x) {
    constexpr float FORGETS = 12582912;  // 1.5 * 2^23
    return (x + FORGETS) - FORGETS;
}

Rounded rounded(const float* vector, int factors, float scale, int8_t* bytes) {
    double off = 0, length = 0;
    float inverse = 1 / scale;
    for (int k = 0; k < factors; k++) {
        float byte = std::min(LARGEST, std::max(-LARGEST, whole(vector[k] * inverse)));
        bytes[k] = int8_t(byte);
    }
    for (int k = 0; k < factors; k++) {
        double held = double(bytes[k]) * scale, missing = vector[k] - held;
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
        scale[row] = scale_of(vector, factors);
        rounded[row] = gigstream::rounded(vector, factors, scale[row], to);
        int sum = 0;
        for (int k = 0; k < factors; k++) sum += to[k];
        start[row] = -SHIFT * sum;
    }
}

ByteColumns::ByteColumns(const float* vectors, const float* biases, int64_t count, int factors,
                         int threads)
    : width(padded(factors)),
      panel_count((count + BYTE_PANEL - 1) / BYTE_PANEL),
      bytes(size_t(panel_count) * BYTE_PANEL * width),
      scale(size_t(panel_count) * BYTE_PANEL, 1),
      bias(size_t(panel_count) * BYTE_PANEL, -std::numeric_limits<float>::infinity()) {
    std::copy(biases, biases + count, bias.begin());
    double off = 0, length = 0;
#pragma omp parallel num_threads(threads) reduction(max : off, length)
    {
        std::vector<int8_t> whole(width);
#pragma omp for schedule(static)
        for (int64_t column = 0; column < count; column++) {
            const float* vector = vectors + column * factors;
            scale[column] = scale_of(vector, factors);
            Rounded one = rounded(vector, factors, scale[column], whole.data());
            put(whole.data(), column);
            off = std::max(off, one.off);
            length = std::max(length, one.length);
        }
    }
    largest = {off, length};
}

void ByteColumns::put(const int8_t* whole, int64_t column) {
    uint8_t* to = bytes.data() + column / BYTE_PANEL * BYTE_PANEL * width +
                  column % BYTE_PANEL * LANE_BYTES;
    for (int k = 0; k < width; k += LANE_BYTES, to += BYTE_PANEL * LANE_BYTES)
        for (int byte = 0; byte < LANE_BYTES; byte++) to[byte] = uint8_t(whole[k + byte] + SHIFT);
}

}  // namespace gigstream
