import Synchronization

/// A few threads that do a piece of work together, again and again, and wait for each other in between. The calling
/// thread is one of them; the others live as long as the team.
package final class WorkerTeam: Sendable {
    package let size: Int
    private let rendezvous: Rendezvous
    private let threads: [Thread]

    /// A team of `size` threads or, where the system refuses to start as many, of those it starts.
    package init(_ size: Int) {
        let rendezvous = Rendezvous()
        var threads: [Thread] = []
        for index in 1..<max(size, 1) {
            guard let thread = Thread({ rendezvous.serve(index) }) else { break }
            threads.append(thread)
        }
        self.rendezvous = rendezvous
        self.threads = threads
        self.size = threads.count + 1
    }

    deinit {
        rendezvous.end()
        for thread in threads { thread.join() }
    }

    /// Calls `body` once on each thread, with the thread's index, and returns when all are done.
    package func run(_ body: @escaping @Sendable (Int) -> Void) {
        guard size > 1 else { return body(0) }
        rendezvous.begin(body, helpers: size - 1)
        body(0)
        rendezvous.wait()
    }

    /// Calls `body` for every index below `count`, whichever thread is free taking the next `chunk` of them; `body`
    /// gets the thread's index too.
    package func forEach(
        _ count: Int, chunk: Int = 1, _ body: @escaping @Sendable (_ index: Int, _ thread: Int) -> Void
    ) {
        guard count > chunk && size > 1 else {
            for index in 0..<count { body(index, 0) }
            return
        }
        let next = Counter()
        run { thread in
            while true {
                let start = next.value.add(chunk, ordering: .relaxed).oldValue
                if start >= count { return }
                for index in start..<min(start + chunk, count) { body(index, thread) }
            }
        }
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}

/// Where a team's threads meet: work is handed out under the mutex and waited for on the condition.
@safe
private final class Rendezvous: @unchecked Sendable {
    // Sendable because every variable is touched only inside `monitor.locked`.

    private let monitor = Monitor()
    private var round = 0
    private var running = 0
    private var isEnding = false
    private var work: (@Sendable (Int) -> Void)?

    func begin(_ body: @escaping @Sendable (Int) -> Void, helpers: Int) {
        monitor.locked {
            work = body
            round += 1
            running = helpers
            monitor.wakeAll()
        }
    }

    func wait() {
        monitor.locked {
            while running > 0 { monitor.wait() }
            work = nil
        }
    }

    func end() {
        monitor.locked {
            isEnding = true
            monitor.wakeAll()
        }
    }

    func serve(_ index: Int) {
        var seen = 0
        while takePart(index, &seen) {
            monitor.locked {
                running -= 1
                if running == 0 { monitor.wakeAll() }
            }
        }
    }

    /// Waits for the round after `seen` and does its work; false when there will be none. A function of its own, so
    /// that the work is let go of before it is counted as done: a worker that let go of it last could end its own team.
    @inline(never)
    private func takePart(_ index: Int, _ seen: inout Int) -> Bool {
        let work = monitor.locked { () -> (@Sendable (Int) -> Void)? in
            while round == seen && !isEnding { monitor.wait() }
            seen = round
            return isEnding ? nil : self.work
        }
        guard let work else { return false }
        work(index)
        return true
    }
}
