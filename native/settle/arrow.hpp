// Arrow's C data interface, as far as columns of event rows need it
// (https://arrow.apache.org/docs/format/CDataInterface.html).
#pragma once
#include <cstdint>

#include "settle/interner.hpp"

extern "C" {
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);
    void* private_data;
};
}

namespace gigstream {

// Which rows have a value.
class Validity {
public:
    Validity() = default;
    explicit Validity(const ArrowArray& array)
        : bits_(static_cast<const uint8_t*>(array.buffers[0])), offset_(array.offset) {}

    bool operator[](int64_t row) const {
        int64_t at = row + offset_;
        return !bits_ || (bits_[at >> 3] >> (at & 7) & 1);
    }

private:
    const uint8_t* bits_ = nullptr;
    int64_t offset_ = 0;
};

template <class T>
class NumbersOf {
public:
    NumbersOf() = default;
    explicit NumbersOf(const ArrowArray& array)
        : said(array), values_(static_cast<const T*>(array.buffers[1]) + array.offset) {}

    T operator[](int64_t row) const { return values_[row]; }
    Validity said;

private:
    const T* values_ = nullptr;
};

// Texts by row; or in a dictionary, and rows hold its code, the index of a text.
class TextsOf {
public:
    TextsOf() = default;
    explicit TextsOf(const ArrowArray& array)
        : said(array),
          nothing(array.null_count == array.length),
          codes_(array.dictionary ? static_cast<const int32_t*>(array.buffers[1]) + array.offset
                                  : nullptr) {
        const ArrowArray& texts = array.dictionary ? *array.dictionary : array;
        codes = array.dictionary ? texts.length : 0;
        ends_ = static_cast<const int32_t*>(texts.buffers[1]) + texts.offset;
        chars_ = static_cast<const char*>(texts.buffers[2]);
    }

    Chars operator[](int64_t row) const { return coded(codes_ ? code(row) : row); }
    Chars coded(int64_t code) const {
        if (!chars_ || code < 0) return {};
        return {chars_ + ends_[code], size_t(ends_[code + 1] - ends_[code])};
    }
    // -1: there is none, since what a row without a value holds may be anything.
    int64_t code(int64_t row) const {
        return codes_ && uint64_t(codes_[row]) < uint64_t(codes) ? codes_[row] : -1;
    }
    Validity said;
    bool nothing = true;
    int64_t codes = 0;

private:
    const int32_t *codes_ = nullptr, *ends_ = nullptr;
    const char* chars_ = nullptr;
};

}  // namespace gigstream
