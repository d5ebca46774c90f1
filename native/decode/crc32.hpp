// CRC-32 as zlib has it: the digest of a record's value.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gigstream {

uint32_t crc32(const char* data, size_t size);

}  // namespace gigstream
