/// A thread that has the kernel read, some way ahead of another one, what that one will look at in order: the disk and
/// the work on what came from it do not wait for each other. Reading ahead is only advice; without the thread all goes
/// on, slower.
package final class ReadAhead: Sendable {
    // Not this object, which may be let go of before the thread begins.
    private let state: State
    private let thread: Thread?

    /// `count`: where it ends. `step`: how much is asked for at a time, `distance`: how far ahead, in the same unit;
    /// `expect` asks. `release`: called for what the other one is done with, in order.
    package init(
        count: Int, step: Int, distance: Int, expect: @escaping @Sendable (Range<Int>) -> Void,
        release: (@Sendable (Range<Int>) -> Void)? = nil
    ) {
        let state = State(step: step, distance: distance, expect, release)
        self.state = state
        thread = Thread { state.run(to: count) }
    }

    deinit {
        state.end()
        thread?.join()
    }

    /// Says how far the other thread is.
    package func advance(to position: Int) { state.advance(to: position) }
}

/// What both threads know.
private final class State: @unchecked Sendable {
    // Sendable because `position` and `isEnding` are touched only inside `monitor.locked`, and all else is immutable
    // after init.

    private let monitor = Monitor()
    private let step: Int
    private let distance: Int
    private let expect: @Sendable (Range<Int>) -> Void
    private let release: (@Sendable (Range<Int>) -> Void)?
    private var position = 0
    private var isEnding = false

    init(
        step: Int, distance: Int, _ expect: @escaping @Sendable (Range<Int>) -> Void,
        _ release: (@Sendable (Range<Int>) -> Void)?
    ) {
        self.step = max(1, step)
        self.distance = max(self.step, distance)
        self.expect = expect
        self.release = release
    }

    func end() {
        monitor.locked {
            isEnding = true
            monitor.wakeAll()
        }
    }

    func advance(to position: Int) {
        monitor.locked {
            self.position = position
            monitor.wakeAll()
        }
    }

    func run(to count: Int) {
        var next = 0, released = 0
        while next < count {
            let (isOver, position) = monitor.locked {
                while !isEnding && next >= self.position + distance { monitor.wait() }
                return (isEnding, self.position)
            }
            if isOver { return }
            if position >= released + step {
                release?(released..<position)
                released = position
            }
            // What was overtaken is of no use any more.
            next = max(next, position)
            guard next < count else { return }
            expect(next..<min(next + step, count))
            next += step
        }
    }
}
