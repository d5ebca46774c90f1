// Vectors of VL floats (4, 8 or 16) by GCC's vector extensions: no intrinsics, so that one source
// serves SSE2, AVX2, AVX-512 and whatever else GCC or Clang compile for.
#pragma once
#include <cstdint>

namespace {

#define INLINE inline __attribute__((always_inline))

typedef float Vec __attribute__((vector_size(VL * 4)));
typedef float VecAt __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(VL * 4)));
typedef uint32_t BitsAt __attribute__((vector_size(VL * 4), aligned(2), may_alias));
typedef float Quad __attribute__((vector_size(16)));
typedef float QuadAt __attribute__((vector_size(16), aligned(4), may_alias));

INLINE Vec load(const float* from) { return *(const VecAt*)from; }
INLINE void store(float* to, Vec value) { *(VecAt*)to = value; }
INLINE Vec all(float value) { return Vec{} + value; }

// GCC knows __builtin_shufflevector from 12 on, and Clang never knew __builtin_shuffle.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define HALVES  // it can also make a shorter vector
#endif
#endif
#ifndef SHUFFLE
typedef int32_t Lanes __attribute__((vector_size(VL * 4)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Lanes){__VA_ARGS__})
#endif

// Four lanes at a time: [a0 b0 a1 b1] and [a2 b2 a3 b3]; then [a0 a1 b0 b1] and [a2 a3 b2 b3].
#if VL == 4
INLINE Vec zip_low(Vec a, Vec b) { return SHUFFLE(a, b, 0, 4, 1, 5); }
INLINE Vec zip_high(Vec a, Vec b) { return SHUFFLE(a, b, 2, 6, 3, 7); }
INLINE Vec low_pairs(Vec a, Vec b) { return SHUFFLE(a, b, 0, 1, 4, 5); }
INLINE Vec high_pairs(Vec a, Vec b) { return SHUFFLE(a, b, 2, 3, 6, 7); }
#elif VL == 8
INLINE Vec zip_low(Vec a, Vec b) { return SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13); }
INLINE Vec zip_high(Vec a, Vec b) { return SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15); }
INLINE Vec low_pairs(Vec a, Vec b) { return SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13); }
INLINE Vec high_pairs(Vec a, Vec b) { return SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15); }
#else
INLINE Vec zip_low(Vec a, Vec b) {
    return SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}
INLINE Vec zip_high(Vec a, Vec b) {
    return SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}
INLINE Vec low_pairs(Vec a, Vec b) {
    return SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}
INLINE Vec high_pairs(Vec a, Vec b) {
    return SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}
#endif

// The sum over all groups of four lanes.
INLINE Quad folded(Vec v) {
#if VL == 4
    return v;
#elif VL == 16 && defined(HALVES)
    typedef float Octet __attribute__((vector_size(32)));
    Octet half = SHUFFLE(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + SHUFFLE(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    return SHUFFLE(half, half, 0, 1, 2, 3) + SHUFFLE(half, half, 4, 5, 6, 7);
#else
    union {
        Vec whole;
        Quad quads[VL / 4];
    } parts = {v};
    Quad total = parts.quads[0];
    for (int q = 1; q < VL / 4; q++) total += parts.quads[q];
    return total;
#endif
}

// The lane sums of four vectors, all at once: a transposition instead of four reductions.
INLINE Quad sums(Vec a, Vec b, Vec c, Vec d) {
    Vec ab = zip_low(a, b) + zip_high(a, b), cd = zip_low(c, d) + zip_high(c, d);
    return folded(low_pairs(ab, cd) + high_pairs(ab, cd));
}

INLINE float sum(Quad v) { return (v[0] + v[2]) + (v[1] + v[3]); }

template <int N>
INLINE float dot(const Vec* a, const Vec* b) {
    Vec total = a[0] * b[0];
    for (int v = 1; v < N; v++) total += a[v] * b[v];
    return sum(folded(total));
}

// bf16 in blocks of 32 floats: word l of a block holds float l in its lower half and float l + 16
// in its upper half, so that unpacking is one shift or one mask, at any VL.
INLINE Bits rounded(Vec v) {
    Bits bits = (Bits)v;
    return bits + 0x7fff + ((bits >> 16) & 1);
}

INLINE void pack(const float* from, int count, uint16_t* to) {
    for (int block = 0; block < count; block += 32)
        for (int lane = 0; lane < 16; lane += VL) {
            Bits low = rounded(load(from + block + lane));
            Bits high = rounded(load(from + block + 16 + lane));
            *(BitsAt*)(to + block + 2 * lane) = (low >> 16) | (high & 0xffff0000u);
        }
}

template <int F>
INLINE void unpack(const uint16_t* from, float* to) {
#pragma GCC unroll 4
    for (int block = 0; block < F; block += 32)
#pragma GCC unroll 4
        for (int lane = 0; lane < 16; lane += VL) {
            Bits words = *(const BitsAt*)(from + block + 2 * lane);
            store(to + block + lane, (Vec)(words << 16));
            store(to + block + 16 + lane, (Vec)(words & 0xffff0000u));
        }
}

}  // namespace
