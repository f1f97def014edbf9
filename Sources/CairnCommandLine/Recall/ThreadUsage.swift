#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the calling thread has had so far.
struct ThreadUsage {
    /// The time that it ran on a processor.
    let processorSeconds: Double
    /// Pages that it waited for the disk to deliver, and blocks that were read from the disk.
    let diskReads: Int

    static var now: ThreadUsage {
        var time = timespec(), usage = rusage()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        // 0 is RUSAGE_SELF, whose type is not the same on all systems: nobody else in the process reads meanwhile.
        unsafe getrusage(0, &usage)
        return ThreadUsage(
            processorSeconds: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9,
            diskReads: Int(usage.ru_majflt) + Int(usage.ru_inblock))
    }

    func since(_ earlier: ThreadUsage) -> ThreadUsage {
        ThreadUsage(
            processorSeconds: processorSeconds - earlier.processorSeconds, diskReads: diskReads - earlier.diskReads)
    }
}
