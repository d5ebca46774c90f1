// The columns of event rows as they grow, in Arrow's layout.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "statement.hpp"

namespace gigstream {

// A vector that neither clears what it grows by nor gives its memory up before it is asked to.
template <class T>
class Array {
public:
    Array() = default;
    Array(const Array&) = delete;
    ~Array() { free(data_); }

    size_t size() const { return size_; }
    const T& operator[](size_t i) const { return data_[i]; }
    T* more(size_t count) {
        if (count > room_ - size_) grow(count);
        size_ += count;
        return data_ + size_ - count;
    }
    void push(T value) { *more(1) = value; }
    void cut(size_t size) { size_ = size; }
    T* release() {
        size_ = room_ = 0;
        return std::exchange(data_, nullptr);
    }

private:
    void grow(size_t count) {
        size_t wanted = size_ + count, room = room_ * 2 > wanted ? room_ * 2 : wanted + 1000;
        void* grown = realloc(data_, room * sizeof(T));
        if (!grown) throw std::bad_alloc();
        data_ = static_cast<T*>(grown);
        room_ = room;
    }

    T* data_ = nullptr;
    size_t size_ = 0, room_ = 0;
};

// Which rows have a value, one bit each.
class Presence {
public:
    Array<uint8_t> bits;
    size_t rows = 0, present = 0;

    void push(bool here) {
        if (rows % 8 == 0) bits.push(0);
        if (here) bits.more(0)[-1] |= uint8_t(1u << rows % 8);
        rows++;
        present += here;
    }
    void cut(size_t size) {
        for (; rows > size; rows--) {
            uint8_t* byte = bits.more(0) - 1;
            uint8_t bit = uint8_t(1u << (rows - 1) % 8);
            present -= (*byte & bit) != 0;
            *byte &= uint8_t(~bit);
            if ((rows - 1) % 8 == 0) bits.cut(bits.size() - 1);
        }
    }
};

struct Numbers {
    Array<int64_t> values;
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

// Most texts are short, and a call of memcpy takes longer than they do.
inline void copy(char* to, const char* from, size_t size) {
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + size - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + size - 8, &tail, 8);
    } else {
        for (size_t i = 0; i < size; i++) to[i] = from[i];
    }
}

struct Texts {
    Array<int32_t> offsets;  // in `bytes`: of the first row's text, and of each text's end
    Array<char> bytes;
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
