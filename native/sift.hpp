// The dense part of top-N: products of a group of rows with panel after panel of columns.
#pragma once
#include "products.hpp"
#include "ranking.hpp"

namespace {

INLINE bool any(Bits one) {
    union {
        Bits whole;
        uint64_t words[VL / 2];
    } parts = {one};
    uint64_t set = 0;
    for (int word = 0; word < VL / 2; word++) set |= parts.words[word];
    return set;
}

// The scores of TILE rows with one panel, TILE x PANEL: written only if one reaches its row's floor.
INLINE bool scores(const float* rows, int width, const float* panel, const float* bias,
                   const float* floors, float* out) {
    Vec left[TILE], right[TILE];
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        left[q] = load(bias);
        right[q] = load(bias + VL);
    }
    for (int k = 0; k < width; k++) {
        Vec m = load(panel + size_t(k) * PANEL), n = load(panel + size_t(k) * PANEL + VL);
#pragma GCC unroll 12
        for (int q = 0; q < TILE; q++) {
            left[q] += m * rows[size_t(q) * width + k];
            right[q] += n * rows[size_t(q) * width + k];
        }
    }
    Bits reached = {};
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        Vec floor = all(floors[q]);
        reached |= (Bits)(left[q] >= floor) | (Bits)(right[q] >= floor);
    }
    if (!any(reached)) return false;
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        store(out + q * PANEL, left[q]);
        store(out + q * PANEL + VL, right[q]);
    }
    return true;
}

// Returns the row's floor after that.
INLINE float offer(gigstream::Keeper& keeper, const float* scores, int64_t first) {
    Vec floor = all(keeper.floor);
    if (any((Bits)(load(scores) >= floor) | (Bits)(load(scores + VL) >= floor)))
        for (int lane = 0; lane < PANEL; lane++)
            if (scores[lane] >= keeper.floor) keeper.offer(scores[lane], first + lane);
    return keeper.floor;
}

void sift(const float* rows, int count, int width, const gigstream::Panels& panels,
          gigstream::Keeper* keepers) {
    // Rows of zeros fill the last tile up; nothing reaches their floor.
    Buffer group(size_t(gigstream::GROUP) * width);
    group.clear(size_t(gigstream::GROUP) * width);
    memcpy(group.data, rows, size_t(count) * width * sizeof(float));
    float floors[gigstream::GROUP];
    for (int r = 0; r < gigstream::GROUP; r++)
        floors[r] = r < count ? keepers[r].floor : __builtin_inff();
    for (int64_t p = 0; p < panels.count; p++) {
        const float* panel = panels.cols + size_t(p) * width * PANEL;
        for (int r = 0; r < count; r += TILE) {
            float tile[TILE * PANEL];
            if (!scores(group.data + size_t(r) * width, width, panel, panels.bias + p * PANEL,
                        floors + r, tile))
                continue;
            for (int q = 0; q < TILE && r + q < count; q++)
                floors[r + q] = offer(keepers[r + q], tile + q * PANEL, p * PANEL);
        }
    }
}

}  // namespace
