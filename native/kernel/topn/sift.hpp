// The dense part of top-N: products of a group of rows with panel after panel of columns.
#pragma once
#include "kernel/simd/products.hpp"
#include "kernel/topn/ranking.hpp"
#ifdef __AVX512F__
#include <immintrin.h>  // comparison to bit mask: not expressible in vector extensions
#endif

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

// Scores of TILE rows with one panel, TILE x PANEL. Stored only if one reaches its row's floor.
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
    // Most tiles hold no candidate: test all scores at once, and skip the stores.
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

// Bit mask of the scores of a row with one panel that reach the row's floor.
INLINE uint32_t reaching(const float* scores, float floor) {
#ifdef __AVX512F__
    __m512 least = _mm512_set1_ps(floor);
    uint32_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores), least, _CMP_GE_OQ);
    uint32_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + VL), least, _CMP_GE_OQ);
    return low | high << VL;
#else
    Vec least = all(floor);
    uint32_t found = 0;
    if (any((Bits)(load(scores) >= least) | (Bits)(load(scores + VL) >= least)))
        for (int lane = 0; lane < PANEL; lane++) found |= uint32_t(scores[lane] >= floor) << lane;
    return found;
#endif
}

INLINE float largest(const float* scores) {
    float found = scores[0];
    for (int lane = 1; lane < PANEL; lane++) found = scores[lane] > found ? scores[lane] : found;
    return found;
}

// One group of rows against all panels.
struct Sifting {
    gigstream::TopN* best;
    int count;
    const float* rows;  // count x width, and rows of zeros up to a whole tile
    int width;
    const gigstream::Panels& panels;
    float floors[gigstream::GROUP];
    float tile[TILE * PANEL];

    bool score(int first, int64_t panel) {
        return scores(rows + size_t(first) * width, width,
                      panels.cols + size_t(panel) * width * PANEL, panels.bias + panel * PANEL,
                      floors + first, tile);
    }

    void all_panels() {
        // A floor of infinity lets no score of a row of zeros pass.
        for (int r = 0; r < gigstream::GROUP; r++)
            floors[r] = r < count ? best[r].floor : __builtin_inff();
        raise_floors();
        for (int64_t p = 0; p < panels.count; p++)
            for (int r = 0; r < count; r += TILE)
                if (score(r, p)) push(r, p);
    }

    // Seed the floors from the maxima of the first panels, so that most candidates are rejected
    // without being pushed.
    void raise_floors() {
        int sample = count ? best[0].sample(panels.count) : 0;
        if (!sample) return;
        Buffer maxima(size_t(gigstream::GROUP) * sample);
        for (int p = 0; p < sample; p++)
            for (int r = 0; r < count; r += TILE) {
                score(r, p);
                for (int q = 0; q < TILE && r + q < count; q++)
                    maxima.data[size_t(r + q) * sample + p] = largest(tile + q * PANEL);
            }
        for (int r = 0; r < count; r++)
            floors[r] = best[r].begin_above(maxima.data + size_t(r) * sample, sample, PANEL);
    }

    INLINE void push(int first, int64_t panel) {
        for (int r = first; r < first + TILE && r < count; r++) {
            const float* scores = tile + (r - first) * PANEL;
            for (uint32_t left = reaching(scores, floors[r]); left; left &= left - 1) {
                int lane = __builtin_ctz(left);
                // The floor may have risen since the mask was formed.
                if (scores[lane] >= floors[r]) {
                    best[r].push(scores[lane], panel * PANEL + lane);
                    floors[r] = best[r].floor;
                }
            }
        }
    }
};

void sift(const float* rows, int count, int width, const gigstream::Panels& panels,
          gigstream::TopN* best) {
    Buffer group(size_t(gigstream::GROUP) * width);
    group.clear(size_t(gigstream::GROUP) * width);
    memcpy(group.data, rows, size_t(count) * width * sizeof(float));
    Sifting{best, count, group.data, width, panels, {}, {}}.all_panels();
}

}  // namespace
