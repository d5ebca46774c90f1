// Interning of texts: each gets a row number, in order of appearance. Append-only. Hashes only select
// candidates; the texts themselves are compared.
#pragma once
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "base/growable_array.hpp"

namespace gigstream {

template <class Word>
inline Word word(const char* at) {
    Word found;
    memcpy(&found, at, sizeof found);
    return found;
}

struct Chars {
    const char* at = "";
    size_t size = 0;

    // Most texts are short: a call of memcmp would cost more than the comparison.
    bool operator==(const Chars& other) const {
        if (size != other.size) return false;
        if (at == other.at) return true;
        if (size > 32) return !memcmp(at, other.at, size);
        if (size >= 8) {
            uint64_t apart = word<uint64_t>(at + size - 8) ^ word<uint64_t>(other.at + size - 8);
            for (size_t i = 0; i + 8 < size; i += 8)
                apart |= word<uint64_t>(at + i) ^ word<uint64_t>(other.at + i);
            return !apart;
        }
        for (size_t i = 0; i < size; i++)
            if (at[i] != other.at[i]) return false;
        return true;
    }
    // By bytes, which for UTF-8 is by code points, as Python has it.
    int compared(const Chars& other) const {
        size_t shared = size < other.size ? size : other.size;
        // An empty text may have no address, which memcmp must not be given.
        int order = shared ? memcmp(at, other.at, shared) : 0;
        return order ? order : size < other.size ? -1 : size > other.size;
    }
};

// A 32-bit hash of a text and a number, mixed as in wyhash (Wang Yi), with a random seed.
class Hash {
public:
    // `bits`: how many are used. Fewer than 32 make texts collide, for tests.
    explicit Hash(int bits) : mask_(bits >= 32 ? ~0u : (1u << bits) - 1) {
        std::random_device random;
        seed_ = uint64_t(random()) << 32 | random();
    }

    uint32_t operator()(Chars text, uint64_t company = 0) const {
        const char* at = text.at;
        size_t left = text.size;
        uint64_t seed = seed_ ^ (company * K2), low = 0, high = 0;
        for (; left > 16; left -= 16, at += 16)
            seed = mixed(word<uint64_t>(at) ^ K1, word<uint64_t>(at + 8) ^ seed);
        if (left >= 8) {
            low = word<uint64_t>(at);
            high = word<uint64_t>(at + left - 8);
        } else if (left >= 4) {
            low = word<uint32_t>(at);
            high = word<uint32_t>(at + left - 4);
        } else {
            for (size_t i = 0; i < left; i++) low = low << 8 | uint8_t(at[i]);
        }
        uint64_t hash = mixed(K1 ^ text.size, mixed(low ^ K1, high ^ seed));
        return uint32_t(hash >> 32) & mask_;
    }

private:
    static constexpr uint64_t K1 = 0xa0761d6478bd642full, K2 = 0xe7037ed1a0b428dbull;

    static uint64_t mixed(uint64_t a, uint64_t b) {
        unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
        return uint64_t(product) ^ uint64_t(product >> 64);
    }
    uint64_t seed_;
    uint32_t mask_;
};

// Rows by hash tag: open addressing with linear probing. The home slot is given by the upper bits of
// the tag, so that growing moves slots in order and reads no text.
class HashIndex {
public:
    HashIndex() { slots_.cover(size_t(1) << (32 - shift_), Slot{0, -1}); }

    void prefetch(uint32_t tag) const { __builtin_prefetch(&slots_[home(tag)]); }
    template <class Same>
    int32_t find(uint32_t tag, Same same) const {
        for (size_t at = home(tag);; at = (at + 1) & (slots_.size() - 1)) {
            const Slot& slot = slots_[at];
            if (slot.row < 0) return -1;
            if (slot.tag == tag && same(slot.row)) return slot.row;
        }
    }
    // The first row of that tag: likely the one to be found.
    int32_t likely(uint32_t tag) const {
        return find(tag, [](int32_t) { return true; });
    }
    // Reserves memory for `count` more rows.
    void reserve(size_t count) {
        while ((used_ + count) * 4 > slots_.size() * 3) grow();
    }
    // Adds a row that is not in the index.
    void add(uint32_t tag, int32_t row) {
        if ((used_ + 1) * 4 > slots_.size() * 3) grow();
        put({tag, row});
        used_++;
    }

private:
    struct Slot {
        uint32_t tag;
        int32_t row;
    };

    size_t home(uint32_t tag) const { return size_t(tag) >> shift_; }
    void put(Slot slot) {
        size_t at = home(slot.tag);
        while (slots_[at].row >= 0) at = (at + 1) & (slots_.size() - 1);
        slots_[at] = slot;
    }
    void grow() {
        if (!shift_) throw std::length_error("more than 3221225472 texts");
        GrowableArray<Slot> old;
        old.swap(slots_);
        shift_--;
        slots_.cover(old.size() * 2, Slot{0, -1});
        for (const Slot& slot : old)
            if (slot.row >= 0) put(slot);
    }

    int shift_ = 22;
    size_t used_ = 0;
    GrowableArray<Slot> slots_;
};

// Texts in one contiguous buffer.
class Joined {
public:
    int64_t size() const { return int64_t(ends_.size()); }
    Chars operator[](int64_t row) const {
        int64_t begin = row ? ends_[size_t(row) - 1] : 0;
        return {chars_.begin() + begin, size_t(ends_[size_t(row)] - begin)};
    }
    void reserve(size_t count, size_t chars) {
        ends_.reserve(count);
        chars_.reserve(chars);
    }
    const GrowableArray<char>& chars() const { return chars_; }
    const GrowableArray<int64_t>& ends() const { return ends_; }
    void prefetch(int64_t row) const { __builtin_prefetch(&ends_[size_t(row)]); }
    void add(Chars text) {
        copy(chars_.more(text.size), text.at, text.size);
        ends_.push(int64_t(chars_.size()));
    }

private:
    GrowableArray<char> chars_;
    GrowableArray<int64_t> ends_;
};

class Interner {
public:
    explicit Interner(int bits = 32) : hash_(bits) {}

    int64_t size() const { return texts_.size(); }
    Chars operator[](int64_t row) const { return texts_[row]; }
    uint32_t tag(Chars text) const { return hash_(text); }
    void prefetch(uint32_t tag) const { slots_.prefetch(tag); }
    // The next two steps of looking a text up, after `prefetch`: the first tells the likely row.
    int32_t expect(uint32_t tag) const {
        int32_t row = slots_.likely(tag);
        if (row >= 0) texts_.prefetch(row);
        return row;
    }
    void approach(int32_t row) const {
        if (row >= 0) __builtin_prefetch(texts_[row].at);
    }
    int32_t find(Chars text) const { return find(text, tag(text)); }
    int32_t add(Chars text) { return add(text, tag(text)); }
    int32_t find(Chars text, uint32_t tag) const {
        return slots_.find(tag, [&](int32_t row) { return texts_[row] == text; });
    }
    int32_t add(Chars text, uint32_t tag) {
        int32_t row = find(text, tag);
        if (row >= 0) return row;
        if (size() == INT32_MAX) throw std::length_error("more than 2147483647 ids");
        row = int32_t(size());
        texts_.add(text);
        slots_.add(tag, row);
        return row;
    }

private:
    Hash hash_;
    HashIndex slots_;
    Joined texts_;
};

}  // namespace gigstream
