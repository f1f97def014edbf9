/// How much of what was not synced a crash leaves.
package enum CrashMode: Sendable, Hashable {
    /// Everything, as when the process is killed and the machine goes on.
    case processKill
    /// Nothing.
    case unsyncedLost
    /// One write, part of a write, or change of a name is lost.
    case oneLost
    /// One write, part of a write, or change of a name is kept.
    case oneKept
    /// Each sector of each write, and each change of a name, is kept with this probability.
    case random(keep: Double)
    /// Each file has all, nothing or half of it, and so have the names.
    case perFile

    /// One of those that a power cut may leave; those at the boundaries come often.
    package static func powerCut(using generator: inout CrashGenerator) -> CrashMode {
        switch generator.below(16) {
        case 0: .processKill
        case 1: .unsyncedLost
        case 2..<6: .oneLost
        case 6..<9: .oneKept
        case 9: .random(keep: 0.1)
        case 10..<12: .random(keep: 0.5)
        case 12..<14: .random(keep: 0.9)
        default: .perFile
        }
    }
}
