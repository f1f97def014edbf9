import Synchronization

/// 4096 bytes of a file, shared between all the images that have the same bytes there.
@safe
final class Page: @unchecked Sendable {
    static let size = 4096

    /// Written to only by an image that holds the one reference.
    let bytes: UnsafeMutableRawPointer
    /// 0: not computed yet; 1: that of a page of zeros. Several threads may compute it, and come to the same.
    private let knownDigest = Atomic<UInt64>(0)

    /// A page of zeros.
    init() {
        unsafe bytes = .allocate(byteCount: Self.size, alignment: 64)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: Self.size)
    }

    init(copying page: Page) {
        unsafe bytes = .allocate(byteCount: Self.size, alignment: 64)
        unsafe bytes.copyMemory(from: page.bytes, byteCount: Self.size)
    }

    deinit { unsafe bytes.deallocate() }

    /// To be called after each change.
    func invalidateDigest() { knownDigest.store(0, ordering: .relaxed) }

    /// A hash of the bytes; 0 for zeros, so that a page of zeros counts like none.
    var digest: UInt64 {
        let known = knownDigest.load(ordering: .relaxed)
        if known != 0 { return known == 1 ? 0 : known }
        let computed = unsafe Self.hash(of: bytes)
        knownDigest.store(computed == Self.zeroHash ? 1 : computed, ordering: .relaxed)
        return computed == Self.zeroHash ? 0 : computed
    }

    /// Never written to.
    static let zeros = Page()

    private static let zeroHash: UInt64 = zeros.hash

    private var hash: UInt64 { unsafe Self.hash(of: bytes) }

    /// Two lanes of multiply-and-fold. Odd, so never what stands for "not computed".
    private static func hash(of bytes: UnsafeMutableRawPointer) -> UInt64 {
        var first: UInt64 = 0x9E37_79B9_7F4A_7C15, second: UInt64 = 0xC2B2_AE3D_27D4_EB4F
        for offset in stride(from: 0, to: size, by: 32) {
            let a = unsafe bytes.load(fromByteOffset: offset, as: UInt64.self)
            let b = unsafe bytes.load(fromByteOffset: offset + 8, as: UInt64.self)
            let c = unsafe bytes.load(fromByteOffset: offset + 16, as: UInt64.self)
            let d = unsafe bytes.load(fromByteOffset: offset + 24, as: UInt64.self)
            first = folded(first ^ a ^ 0xA076_1D64_78BD_642F, b ^ 0xE703_7ED1_A0B4_28DB) ^ (first << 1 | first >> 63)
            second =
                folded(second ^ c ^ 0x8EBC_6AF0_9C88_C6E3, d ^ 0x5899_65CC_7537_4CC3) ^ (second << 1 | second >> 63)
        }
        return mixed(first ^ mixed(second)) | 1
    }

    private static func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
