// By carry-less multiplication where the processor has it (Gopal et al., "Fast CRC Computation for
// Generic Polynomials Using PCLMULQDQ", Intel 2009), else by eight tables: zlib's own loop takes
// longer over a record than all the rest of its decoding.
#include "decode/crc32.hpp"

#include <cstring>

#ifdef GIGSTREAM_X86
#include <immintrin.h>
#endif

namespace gigstream {
namespace {

constexpr uint32_t POLYNOMIAL = 0xedb88320;

struct Tables {
    uint32_t at[8][256];
    constexpr Tables() : at() {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = byte;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
            at[0][byte] = crc;
        }
        for (int table = 1; table < 8; table++)
            for (int byte = 0; byte < 256; byte++) {
                uint32_t before = at[table - 1][byte];
                at[table][byte] = (before >> 8) ^ at[0][before & 255];
            }
    }
};

constexpr Tables TABLES;

uint32_t by_tables(uint32_t crc, const uint8_t* data, size_t size) {
    const auto& t = TABLES.at;
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t low = crc ^ (data[0] | data[1] << 8 | data[2] << 16 | uint32_t(data[3]) << 24);
        crc = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^ t[4][low >> 24] ^
              t[3][data[4]] ^ t[2][data[5]] ^ t[1][data[6]] ^ t[0][data[7]];
    }
    for (; size; data++, size--) crc = (crc >> 8) ^ t[0][(crc ^ *data) & 255];
    return crc;
}

#ifdef GIGSTREAM_X86

#define CARRYLESS __attribute__((target("pclmul,sse4.1")))

CARRYLESS inline __m128i load(const uint8_t* from) { return _mm_loadu_si128((const __m128i*)from); }

// Moves `lane` as many bits further as the constants stand for, onto `next`.
CARRYLESS inline __m128i folded(__m128i lane, __m128i constants, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(lane, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(lane, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// `size` is a multiple of 16, at least 64.
CARRYLESS uint32_t by_multiplication(uint32_t crc, const uint8_t* data, size_t size) {
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_8 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_word = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i lanes[4];
    for (int lane = 0; lane < 4; lane++) lanes[lane] = load(data + 16 * lane);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(int(crc)));
    for (data += 64, size -= 64; size >= 64; data += 64, size -= 64)
        for (int lane = 0; lane < 4; lane++)
            lanes[lane] = folded(lanes[lane], by_64, load(data + 16 * lane));
    __m128i sum = lanes[0];
    for (int lane = 1; lane < 4; lane++) sum = folded(sum, by_16, lanes[lane]);
    for (; size >= 16; data += 16, size -= 16) sum = folded(sum, by_16, load(data));
    // 128 bits to 64, to 32, and to the remainder.
    __m128i high = _mm_clmulepi64_si128(sum, by_16, 0x10);
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), high);
    high = _mm_srli_si128(sum, 4);
    sum = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(sum, low_word), by_8, 0x00), high);
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, low_word), barrett, 0x10);
    quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_word), barrett, 0x00);
    return uint32_t(_mm_extract_epi32(_mm_xor_si128(sum, quotient), 1));
}

bool multiplies() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

#endif

}  // namespace

uint32_t crc32(const char* data, size_t size) {
    auto bytes = reinterpret_cast<const uint8_t*>(data);
    uint32_t crc = ~uint32_t(0);
#ifdef GIGSTREAM_X86
    static const bool fast = multiplies();
    if (fast && size >= 64) {
        size_t whole = size / 16 * 16;
        crc = by_multiplication(crc, bytes, whole);
        bytes += whole, size -= whole;
    }
#endif
    return ~by_tables(crc, bytes, size);
}

}  // namespace gigstream
