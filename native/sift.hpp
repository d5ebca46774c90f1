// The dense part of top-N: products of a group of rows with panel after panel of columns.
#pragma once
#include "products.hpp"
#include "ranking.hpp"
#ifdef __AVX512F__
#include <immintrin.h>  // bits out of a comparison: vector extensions know no way
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

// Which of a row's scores with one panel reach its floor: bit by bit.
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

// The rows of a group, tile after tile and panel after panel. `make(first, panel, floors, tile)`
// forms the scores of TILE rows from `first` on; false if none reaches its row's floor.
template <class Make>
struct Sifting {
    gigstream::Keeper* keepers;
    int count;
    int64_t panels;
    Make make;
    float floors[gigstream::GROUP];
    float tile[TILE * PANEL];

    void all_panels() {
        for (int r = 0; r < gigstream::GROUP; r++)
            floors[r] = r < count ? keepers[r].floor : __builtin_inff();
        raise_floors();
        for (int64_t p = 0; p < panels; p++)
            for (int r = 0; r < count; r += TILE)
                if (make(r, p, floors + r, tile)) offer(r, p);
    }

    // From the best of each of the first panels follows a floor that spares most of what would
    // only be found to be outdone soon.
    void raise_floors() {
        int sample = count ? keepers[0].sample(panels) : 0;
        if (!sample) return;
        Buffer best(size_t(gigstream::GROUP) * sample);
        for (int p = 0; p < sample; p++)
            for (int r = 0; r < count; r += TILE) {
                make(r, p, floors + r, tile);
                for (int q = 0; q < TILE && r + q < count; q++)
                    best.data[size_t(r + q) * sample + p] = largest(tile + q * PANEL);
            }
        for (int r = 0; r < count; r++)
            floors[r] = keepers[r].begin_above(best.data + size_t(r) * sample, sample, PANEL);
    }

    INLINE void offer(int first, int64_t panel) {
        for (int r = first; r < first + TILE && r < count; r++) {
            const float* scores = tile + (r - first) * PANEL;
            for (uint32_t left = reaching(scores, floors[r]); left; left &= left - 1) {
                int lane = __builtin_ctz(left);
                if (scores[lane] >= floors[r]) {
                    keepers[r].offer(scores[lane], panel * PANEL + lane);
                    floors[r] = keepers[r].floor;
                }
            }
        }
    }
};

template <class Make>
void sift_group(gigstream::Keeper* keepers, int count, int64_t panels, Make make) {
    Sifting<Make>{keepers, count, panels, make, {}, {}}.all_panels();
}

void sift(const float* rows, int count, int width, const gigstream::Panels& panels,
          gigstream::Keeper* keepers) {
    // Rows of zeros fill the last tile up.
    Buffer group(size_t(gigstream::GROUP) * width);
    group.clear(size_t(gigstream::GROUP) * width);
    memcpy(group.data, rows, size_t(count) * width * sizeof(float));
    sift_group(keepers, count, panels.count, [&](int r, int64_t p, const float* floors, float* tile) {
        return scores(group.data + size_t(r) * width, width,
                      panels.cols + size_t(p) * width * PANEL, panels.bias + p * PANEL, floors, tile);
    });
}

}  // namespace
