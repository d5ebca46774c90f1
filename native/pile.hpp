// An array that grows, in huge pages where it is huge, and does not clear what it grows by.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "pages.hpp"

namespace gigstream {

template <class T>
class Pile {
    static_assert(std::is_trivially_copyable<T>::value, "moved by realloc");

public:
    Pile() = default;
    Pile(const Pile&) = delete;
    Pile& operator=(const Pile&) = delete;
    ~Pile() { give_back(); }

    size_t size() const { return size_; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](size_t i) { return data_[i]; }
    const T& operator[](size_t i) const { return data_[i]; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }

    // Room for `count` more, not cleared; returns where they begin.
    T* more(size_t count) {
        if (count > room_ - size_) grow(size_ + count);
        size_ += count;
        return data_ + size_ - count;
    }
    void push(T value) { *more(1) = value; }
    // Room for so many more, so that they come without a move; what is not used costs nothing.
    void reserve(size_t count) {
        if (count > room_ - size_) grow(size_ + count);
    }
    // At least so many, the new ones being `value`.
    void cover(size_t size, T value) {
        if (size <= size_) return;
        T* at = more(size - size_);
        for (; at < end(); at++) *at = value;
    }
    void clear() { size_ = 0; }
    void cut(size_t size) { size_ = size; }
    // Room for so many, as for one that has grown: for what will grow and is large at once.
    void stretch(size_t count) {
        reserve(1);
        reserve(count);
    }
    void swap(Pile& other) {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(room_, other.room_);
        std::swap(pages_, other.pages_);
    }

private:
    static constexpr size_t HUGE = 8 * HUGE_PAGE;

    void grow(size_t wanted) {
        size_t room = room_ + room_ / 2 > wanted ? room_ + room_ / 2 : wanted + 16;
        // What stands in pages from the start would never be memory that malloc had kept.
        if (CAN_MOVE_PAGES && data_ && room * sizeof(T) >= HUGE) return grow_in_pages(room);
        void* grown = realloc(static_cast<void*>(data_), room * sizeof(T));
        if (!grown) throw std::bad_alloc();
        data_ = static_cast<T*>(grown);
        room_ = room;
        if (room * sizeof(T) >= HUGE) prefer_huge_pages(grown, room * sizeof(T));
    }

    void grow_in_pages(size_t room) {
        size_t bytes = whole_pages(room * sizeof(T));
        void* grown = pages_ ? moved_pages(data_, pages_, bytes) : new_pages(bytes);
        if (!pages_) {
            memcpy(grown, static_cast<const void*>(data_), size_ * sizeof(T));
            free(data_);
        }
        data_ = static_cast<T*>(grown);
        room_ = bytes / sizeof(T);
        pages_ = bytes;
    }

    void give_back() {
        if (pages_)
            free_pages(data_, pages_);
        else
            free(data_);
    }

    T* data_ = nullptr;
    size_t size_ = 0, room_ = 0;
    size_t pages_ = 0;  // bytes of pages of one's own; 0: it is malloc's
};

}  // namespace gigstream
