// Arrow's C data interface, as far as columns of event rows need it
// (https://arrow.apache.org/docs/format/CDataInterface.html).
#pragma once
#include <cstdint>

#include "numbered.hpp"

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

class TextsOf {
public:
    TextsOf() = default;
    explicit TextsOf(const ArrowArray& array)
        : said(array),
          nothing(array.null_count == array.length),
          ends_(static_cast<const int32_t*>(array.buffers[1]) + array.offset),
          chars_(static_cast<const char*>(array.buffers[2])) {}

    Chars operator[](int64_t row) const {
        if (!chars_) return {};
        return {chars_ + ends_[row], size_t(ends_[row + 1] - ends_[row])};
    }
    // Of so many rows, all together.
    size_t bytes(int64_t rows) const { return size_t(ends_[rows] - ends_[0]); }
    Validity said;
    bool nothing = true;

private:
    const int32_t* ends_ = nullptr;
    const char* chars_ = nullptr;
};

}  // namespace gigstream
