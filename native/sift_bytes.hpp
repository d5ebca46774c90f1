// The dense part of top-N on bytes: four products a lane and instruction where float32 has one.
// By an intrinsic: vector extensions know no such product.
#pragma once
#include "sift.hpp"

#ifdef __AVX512VNNI__
namespace {

static_assert(VL == 16 && gigstream::BYTE_PANEL == PANEL, "a panel is two vectors");

typedef int32_t Sums __attribute__((vector_size(64)));

INLINE Sums with_products(Sums total, Sums columns, Sums rows) {
    return (Sums)_mm512_dpbusd_epi32((__m512i)total, (__m512i)columns, (__m512i)rows);
}

INLINE Sums load_sums(const uint8_t* from) { return (Sums)_mm512_loadu_si512(from); }

INLINE Sums four_bytes(const int8_t* from) {
    int32_t word;
    memcpy(&word, from, sizeof(word));
    return Sums{} + word;
}

// As `scores` of sift.hpp.
INLINE bool byte_scores(const gigstream::ByteGroup& group, int first,
                        const gigstream::BytePanels& panels, int64_t panel, const float* floors,
                        float* out) {
    const uint8_t* cols = panels.cols + size_t(panel) * panels.width * PANEL;
    const int8_t* rows = group.rows + size_t(first) * panels.width;
    Sums left[TILE], right[TILE];
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) left[q] = right[q] = Sums{} + group.start[first + q];
    for (int k = 0; k < panels.width; k += gigstream::LANE_BYTES) {
        Sums m = load_sums(cols + size_t(k) * PANEL), n = load_sums(cols + size_t(k) * PANEL + 64);
#pragma GCC unroll 12
        for (int q = 0; q < TILE; q++) {
            Sums four = four_bytes(rows + size_t(q) * panels.width + k);
            left[q] = with_products(left[q], m, four);
            right[q] = with_products(right[q], n, four);
        }
    }
    const float *scale = panels.scale + panel * PANEL, *bias = panels.bias + panel * PANEL;
    Bits reached = {};
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        float by = group.scale[first + q];
        Vec one = __builtin_convertvector(left[q], Vec) * (load(scale) * by) + load(bias);
        Vec two = __builtin_convertvector(right[q], Vec) * (load(scale + VL) * by) + load(bias + VL);
        Vec floor = all(floors[q]);
        reached |= (Bits)(one >= floor) | (Bits)(two >= floor);
        store(out + q * PANEL, one);
        store(out + q * PANEL + VL, two);
    }
    return any(reached);
}

// `group` has rows of zeros up to a whole tile.
void sift_bytes(const gigstream::ByteGroup& group, const gigstream::BytePanels& panels,
                gigstream::Keeper* keepers) {
    sift_group(keepers, group.count, panels.count,
               [&](int r, int64_t p, const float* floors, float* tile) {
                   return byte_scores(group, r, panels, p, floors, tile);
               });
}

#define SIFT_BYTES sift_bytes

}  // namespace
#else
#define SIFT_BYTES nullptr
#endif
