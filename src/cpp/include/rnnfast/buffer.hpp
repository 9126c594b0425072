// The only allocator: an owned array of numbers, zero at first, aligned to a cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "rnnfast/index.hpp"

namespace rnnfast {

/// Asks the system for huge pages, where it has them: large products then wait less for address translation.
void prefer_huge_pages(void* data, std::size_t bytes) noexcept;

template <class T>
class Buffer {
public:
    Buffer() = default;

    /// n zeros. Throws std::bad_alloc where n is negative or too large for memory.
    explicit Buffer(Index n) : size_(n) {
        constexpr Index most = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(T));
        if (n < 0 || n > most) throw std::bad_alloc();
        if (n == 0) return;
        block_ = std::calloc(bytes() + alignment, 1);  // its zeros cost nothing until they are touched
        if (!block_) throw std::bad_alloc();
        const auto address = reinterpret_cast<std::uintptr_t>(block_);
        data_ = reinterpret_cast<T*>((address + alignment - 1) / alignment * alignment);
        if (bytes() >= worth_huge_pages) prefer_huge_pages(data_, bytes());
    }
    ~Buffer() { std::free(block_); }
    Buffer(Buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(block_, other.block_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    Buffer(const Buffer& other) : Buffer(other.size_) {
        if (data_) std::memcpy(static_cast<void*>(data_), other.data_, bytes());
    }
    Buffer& operator=(const Buffer& other) {
        if (this != &other) *this = Buffer(other);
        return *this;
    }

    T* data() noexcept { return data_; }
    const T* data() const noexcept { return data_; }
    Index size() const noexcept { return size_; }
    T& operator[](Index i) noexcept { return data_[i]; }
    const T& operator[](Index i) const noexcept { return data_[i]; }

    void set_zero() noexcept {
        if (data_) std::memset(static_cast<void*>(data_), 0, bytes());
    }

private:
    static constexpr std::size_t alignment = 64;
    static constexpr std::size_t worth_huge_pages = std::size_t{4} << 20;
    std::size_t bytes() const noexcept { return static_cast<std::size_t>(size_) * sizeof(T); }

    void* block_ = nullptr;
    T* data_ = nullptr;
    Index size_ = 0;
};

}  // namespace rnnfast
