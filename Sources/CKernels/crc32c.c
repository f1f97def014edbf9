/// CRC32C: the CPU's instruction on three streams at a time (it takes three cycles but can start every cycle), else
/// eight bytes at a time through tables.
///
/// A CRC register is linear in what it has eaten. So its tables are the exclusive or of what single bits do, which is
/// all that is written down here (the compiler works out the tables), and three streams are joined by moving the
/// earlier ones past the zeros that stand for the later ones.
#include "kernel_table.h"
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#endif

#define XOR4(i, a, b, c, d) (((i) & 1 ? a : 0u) ^ ((i) & 2 ? b : 0u) ^ ((i) & 4 ? c : 0u) ^ ((i) & 8 ? d : 0u))
#define TABLE16(of, i)                                                                                                 \
    of(i), of(i + 1), of(i + 2), of(i + 3), of(i + 4), of(i + 5), of(i + 6), of(i + 7), of(i + 8), of(i + 9),          \
        of(i + 10), of(i + 11), of(i + 12), of(i + 13), of(i + 14), of(i + 15)
#define TABLE256(of)                                                                                                   \
    { TABLE16(of, 0), TABLE16(of, 16), TABLE16(of, 32), TABLE16(of, 48), TABLE16(of, 64), TABLE16(of, 80),             \
      TABLE16(of, 96), TABLE16(of, 112), TABLE16(of, 128), TABLE16(of, 144), TABLE16(of, 160), TABLE16(of, 176),       \
      TABLE16(of, 192), TABLE16(of, 208), TABLE16(of, 224), TABLE16(of, 240) }

// MARK: Portable

#define SLICE(i, a, b, c, d, e, f, g, h) (XOR4(i, a, b, c, d) ^ XOR4((i) >> 4, e, f, g, h))
#define SLICE0(i)                                                                                                      \
    SLICE(i, 0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78)
#define SLICE1(i)                                                                                                      \
    SLICE(i, 0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9)
#define SLICE2(i)                                                                                                      \
    SLICE(i, 0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743)
#define SLICE3(i)                                                                                                      \
    SLICE(i, 0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F)
#define SLICE4(i)                                                                                                      \
    SLICE(i, 0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91, 0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C)
#define SLICE5(i)                                                                                                      \
    SLICE(i, 0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F, 0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6)
#define SLICE6(i)                                                                                                      \
    SLICE(i, 0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53, 0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4)
#define SLICE7(i)                                                                                                      \
    SLICE(i, 0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA, 0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664)

/// slices[k][byte]: the register after `byte` and k zero bytes, from an empty one.
static const uint32_t slices[8][256] = { TABLE256(SLICE0), TABLE256(SLICE1), TABLE256(SLICE2), TABLE256(SLICE3),
                                         TABLE256(SLICE4), TABLE256(SLICE5), TABLE256(SLICE6), TABLE256(SLICE7) };

uint32_t cairn_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; length >= 8; length -= 8, p += 8) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = slices[7][crc & 0xFF] ^ slices[6][crc >> 8 & 0xFF] ^ slices[5][crc >> 16 & 0xFF] ^ slices[4][crc >> 24] ^
            slices[3][p[4]] ^ slices[2][p[5]] ^ slices[1][p[6]] ^ slices[0][p[7]];
    }
    for (; length > 0; length--) crc = slices[0][(crc ^ *p++) & 0xFF] ^ crc >> 8;
    return ~crc;
}

// MARK: With the instruction

#if defined(__x86_64__) || defined(__aarch64__)
#if defined(__x86_64__)
#define TARGET __attribute__((target("sse4.2")))
#define ADD_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define ADD_BYTE(crc, byte) _mm_crc32_u8(crc, byte)
#else
#define TARGET __attribute__((target("+crc")))
#define ADD_WORD(crc, word) __crc32cd(crc, word)
#define ADD_BYTE(crc, byte) __crc32cb(crc, byte)
#endif

/// Bytes of each of the three streams. Three long ones fill a 4 KiB page but for 16 bytes.
enum { LONG_STREAM = 1360, SHORT_STREAM = 168 };

typedef uint32_t move_table[8][16];
#define MOVE(a, b, c, d)                                                                                               \
    { XOR4(0, a, b, c, d), XOR4(1, a, b, c, d), XOR4(2, a, b, c, d), XOR4(3, a, b, c, d),                          \
      XOR4(4, a, b, c, d), XOR4(5, a, b, c, d), XOR4(6, a, b, c, d), XOR4(7, a, b, c, d),                          \
      XOR4(8, a, b, c, d), XOR4(9, a, b, c, d), XOR4(10, a, b, c, d), XOR4(11, a, b, c, d),                        \
      XOR4(12, a, b, c, d), XOR4(13, a, b, c, d), XOR4(14, a, b, c, d), XOR4(15, a, b, c, d) }

/// past_long[k][h]: what the k-th hexadecimal digit h of a register becomes over LONG_STREAM zero bytes.
static const move_table past_long = {
    MOVE(0x79113270, 0xF22264E0, 0xE1A8BF31, 0xC6BD0893), MOVE(0x889667D7, 0x14C0B95F, 0x298172BE, 0x5302E57C),
    MOVE(0xA605CAF8, 0x49E7E301, 0x93CFC602, 0x2273FAF5), MOVE(0x44E7F5EA, 0x89CFEBD4, 0x1673A159, 0x2CE742B2),
    MOVE(0x59CE8564, 0xB39D0AC8, 0x62D66361, 0xC5ACC6C2), MOVE(0x8EB5FB75, 0x1887801B, 0x310F0036, 0x621E006C),
    MOVE(0xC43C00D8, 0x8D947741, 0x1EC49873, 0x3D8930E6), MOVE(0x7B1261CC, 0xF624C398, 0xE9A5F1C1, 0xD6A79573),
};
/// The same over SHORT_STREAM zero bytes.
static const move_table past_short = {
    MOVE(0xDAECE73E, 0xB035B88D, 0x658707EB, 0xCB0E0FD6), MOVE(0x93F0695D, 0x220CA44B, 0x44194896, 0x8832912C),
    MOVE(0x158954A9, 0x2B12A952, 0x562552A4, 0xAC4AA548), MOVE(0x5D793C61, 0xBAF278C2, 0x70088775, 0xE0110EEA),
    MOVE(0xC5CE6B25, 0x8E70A0BB, 0x190D3787, 0x321A6F0E), MOVE(0x6434DE1C, 0xC869BC38, 0x953F0E81, 0x2F926BF3),
    MOVE(0x5F24D7E6, 0xBE49AFCC, 0x797F2969, 0xF2FE52D2), MOVE(0xE010D355, 0xC5CDD05B, 0x8E77D647, 0x1903DA7F),
};

static uint32_t moved(uint32_t crc, const move_table table) {
    uint32_t result = 0;
    CAIRN_UNROLL
    for (int digit = 0; digit < 8; digit++) result ^= table[digit][crc >> 4 * digit & 0xF];
    return result;
}

CAIRN_ALWAYS_INLINE uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

TARGET CAIRN_ALWAYS_INLINE uint32_t three_streams(uint32_t crc, const uint8_t *p, size_t stream,
                                                  const move_table past) {
    uint32_t second = 0, third = 0;
    for (size_t i = 0; i < stream; i += 8) {
        crc = ADD_WORD(crc, word_at(p + i));
        second = ADD_WORD(second, word_at(p + stream + i));
        third = ADD_WORD(third, word_at(p + 2 * stream + i));
    }
    return moved(moved(crc, past) ^ second, past) ^ third;
}

TARGET static uint32_t with_instruction(uint32_t crc, const uint8_t *p, size_t length) {
    crc = ~crc;
    for (; length >= 3 * LONG_STREAM; length -= 3 * LONG_STREAM, p += 3 * LONG_STREAM)
        crc = three_streams(crc, p, LONG_STREAM, past_long);
    for (; length >= 3 * SHORT_STREAM; length -= 3 * SHORT_STREAM, p += 3 * SHORT_STREAM)
        crc = three_streams(crc, p, SHORT_STREAM, past_short);
    for (; length >= 8; length -= 8, p += 8) crc = ADD_WORD(crc, word_at(p));
    for (; length > 0; length--) crc = ADD_BYTE(crc, *p++);
    return ~crc;
}
#endif

uint32_t cairn_crc32c(uint32_t crc, const void *bytes, size_t length) {
#if defined(__x86_64__) || defined(__aarch64__)
    if (cairn_cpu_features() & CPU_CRC32C) return with_instruction(crc, bytes, length);
#endif
    return cairn_crc32c_portable(crc, bytes, length);
}
