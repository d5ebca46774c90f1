// Vectors rounded to bytes, and what that costs: for a first, rough look at top-N.
#pragma once
#include <cstdint>
#include <vector>

#include "ranking.hpp"

namespace gigstream {

// v is scale * byte and a rest no longer than `off`; scale * byte is no longer than `length`.
struct Rounded {
    double off, length;
};

class ByteRows {
public:
    ByteRows(const float* vectors, int64_t count, int factors, int threads);
    ByteGroup group(int64_t first, int count) const {
        return {bytes.data() + first * width, scale.data() + first, start.data() + first, count};
    }
    std::vector<Rounded> rounded;

private:
    int width;
    std::vector<int8_t> bytes;
    std::vector<float> scale;
    std::vector<int32_t> start;
};

class ByteColumns {
public:
    ByteColumns(const float* vectors, const float* biases, int64_t count, int factors, int threads);
    BytePanels panels() const {
        return {bytes.data(), scale.data(), bias.data(), panel_count, width};
    }
    Rounded largest;

private:
    void put(const int8_t* whole, int64_t column);
    int width;
    int64_t panel_count;
    std::vector<uint8_t> bytes;
    std::vector<float> scale, bias;
};

}  // namespace gigstream
