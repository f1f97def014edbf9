import FileFormat
import MappedStorage

/// Tells a log's end from damage in its middle. Past the end of a log that was cut short by a crash there may be
/// anything: zeros, frames of another life of the file, whole frames whose predecessors never reached the disk. But a
/// commit of this life that says the frame at the end was durable proves that the frame was there.
struct LostCommits {
    /// What is looked at in one go.
    private static let step = 1 << 20

    let window: FileWindow
    let seed: UInt32

    /// Whether from `offset` on, at a multiple of 8, there is a commit of a frame after `number` + 1 that says that
    /// frame was durable. Only commits count and they have one length, so that no bytes make this slower than a
    /// checksum over 112 bytes for each 8 of the file; few get that far.
    func exist(after number: FrameNumber, from offset: Int) throws(StorageError) -> Bool {
        var offset = offset
        while offset + LogBatch.commitByteCount <= window.size {
            let bytes = unsafe try window.bytes(at: offset, count: Self.step)
            let last = bytes.count - LogBatch.commitByteCount
            guard last >= 0 else { return false }
            for place in stride(from: 0, through: last, by: 8) where unsafe isProof(bytes, at: place, of: number.next) {
                return true
            }
            offset += last / 8 * 8 + 8
        }
        return false
    }

    private func isProof(_ bytes: UnsafeRawBufferPointer, at place: Int, of number: FrameNumber) -> Bool {
        guard unsafe bytes.littleEndian(at: place, as: UInt32.self) == UInt32(LogCommit.size) else { return false }
        let candidate = unsafe UnsafeRawBufferPointer(rebasing: bytes[place..<(place + LogBatch.commitByteCount)])
        guard let frame = unsafe LogFrame(decoding: candidate), frame.kind == .commit, frame.number > number,
            frame.number.rawValue - number.rawValue < 1 << 32
        else { return false }
        let payload = unsafe UnsafeRawBufferPointer(rebasing: candidate[LogFrame.headerSize...])
        guard unsafe LogCommit.durableFrame(in: payload) >= number else { return false }
        return unsafe frame.isIntact(in: candidate, seed: seed)
    }
}
