// The columns of event rows as they grow, in Arrow's layout.
#pragma once
#include "base/growable_array.hpp"
#include "decode/statement.hpp"

namespace gigstream {

// Which rows have a value, one bit each.
class Presence {
public:
    GrowableArray<uint8_t> bits;
    size_t rows = 0, present = 0;

    void push(bool here) {
        if (rows % 8 == 0) bits.push(0);
        if (here) bits.end()[-1] |= uint8_t(1u << rows % 8);
        rows++;
        present += here;
    }
    void cut(size_t size) {
        for (; rows > size; rows--) {
            uint8_t* byte = bits.end() - 1;
            uint8_t bit = uint8_t(1u << (rows - 1) % 8);
            present -= (*byte & bit) != 0;
            *byte &= uint8_t(~bit);
            if ((rows - 1) % 8 == 0) bits.cut(bits.size() - 1);
        }
    }
};

struct Numbers {
    GrowableArray<int64_t> values;
    Presence presence;

    void push(bool here, int64_t value) {
        values.push(value);
        presence.push(here);
    }
    void cut(size_t size) {
        values.cut(size);
        presence.cut(size);
    }
};

struct Texts {
    GrowableArray<int32_t> offsets;  // in `bytes`: of the first row's text, and of each text's end
    GrowableArray<char> bytes;
    Presence presence;

    void push(bool here, const char* at, size_t size) {
        if (!offsets.size()) offsets.push(0);
        copy(bytes.more(size), at, size);
        offsets.push(int32_t(bytes.size()));
        presence.push(here);
    }
    void push(const Text& text) { push(text.at != nullptr, text.at, size_t(text.size)); }
    void cut(size_t size) {
        bytes.cut(size ? size_t(offsets[size]) : 0);
        offsets.cut(size ? size + 1 : 0);
        presence.cut(size);
    }
};

}  // namespace gigstream
