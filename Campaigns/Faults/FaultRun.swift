import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// A scenario while it runs and one of its calls fails: what was promised by then, and whether it is kept.
struct FaultRun {
    private let fault: FaultCase
    private let path: FilePath
    private let calls: SystemCalls
    /// What was acknowledged, and what a change that failed after it would have come to: it may have been made all the same.
    private var model: Model
    private var inFlight: Model?
    /// Whether a store stands there for certain.
    private var exists: Bool
    private var hasWritten = false
    private var store: VectorStore?
    private(set) var outcome = FaultCase.Outcome.unnoticed

    init(_ fault: FaultCase, _ path: FilePath, _ calls: SystemCalls) {
        self.fault = fault
        self.path = path
        self.calls = calls
        model = fault.scenario.model
        exists = !fault.scenario.state.files.isEmpty
    }

    /// A broken promise.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// Does the steps until the store cannot be opened or the handle writes no more. Throws a problem.
    mutating func perform() throws {
        defer { store = nil }
        for step in fault.scenario.steps {
            do {
                if try succeeds(step) { continue }
                // What failed and left nothing behind may succeed when it is tried again.
                if case .close = step {
                    outcome = .closingFailed
                    return
                }
                if try succeeds(step) {
                    outcome = .repeated
                    continue
                }
                outcome = store == nil ? .notOpened : .stopped
                try checkStopped()
                return
            } catch {
                throw Problem(description: "\(step): \(error)")
            }
        }
    }

    /// Whether the step succeeds. Throws a problem: what the handle then answers is not what was acknowledged.
    private mutating func succeeds(_ step: Scenario.Step) throws -> Bool {
        do {
            try make(step)
        } catch let error as StoreError {
            try checkMessage(error)
            try checkAnswers()
            return false
        }
        try checkAnswers()
        return true
    }

    private mutating func make(_ step: Scenario.Step) throws {
        switch step {
        case .create:
            store = try CampaignAccess.create(
                at: path, configuration: fault.scenario.configuration, options: Scenario.options, calls: calls)
            (exists, hasWritten) = (true, true)
        case .open(let forWriting):
            store = try CampaignAccess.open(
                at: path, forWriting: forWriting, options: Scenario.options, calls: calls)
            if forWriting { hasWritten = true }
        case .change(let change):
            var next = model
            next.apply(change)
            if inFlight == nil { inFlight = next }
            try store?.make(change)
            model = next
            inFlight = nil
        case .checkpoint: try store?.checkpoint()
        case .synchronize: try store?.synchronize()
        case .close:
            let store = store
            self.store = nil
            try store?.close()
        }
    }

    /// The error must say what happened: not that the store is damaged, for it is not.
    private func checkMessage(_ error: StoreError) throws {
        if fault.effect.isInvisible(isSticky: fault.isSticky) {
            throw Problem(description: "failed, although the call only had to be repeated: \(error)")
        }
        let expected: Set<StoreError.Code> =
            switch fault.effect {
            case .full, .memory: [.full, .failed]
            default: [.io, .failed]
            }
        // A store that was created but could not be opened is in the way of the second attempt.
        let isLeftover = error.code == .alreadyExists && !exists
        guard expected.contains(error.code) || isLeftover, !error.message.isEmpty, error.path != nil else {
            throw Problem(description: "the error does not say what happened: \(error.code): \(error)")
        }
        let reason: Errno =
            switch fault.effect {
            case .full: .noSpace
            case .memory: .noMemory
            case .io: .ioError
            case .interrupted, .short: .interrupted
            }
        // A journal that cannot be read back is an EIO, whatever kept it from being read.
        let isReadBack = fault.effect == .interrupted && error.systemError == .ioError
        guard isLeftover || isReadBack || error.systemError == reason else {
            throw Problem(description: "the error names another reason: \(error.code): \(error)")
        }
    }

    private func checkAnswers() throws {
        guard let store else { return }
        do {
            if let problem = try model.problem(store) { throw Problem(description: "afterwards " + problem) }
        } catch let error as StoreError {
            // A search takes memory too.
            if fault.effect == .memory && error.code == .full { return }
            throw Problem(description: "afterwards the store cannot be searched: \(error)")
        }
    }

    /// A handle that has failed says so, again and again, goes on searching, and closes.
    private mutating func checkStopped() throws {
        guard let store else { return }
        if store.isWritable {
            do {
                try store.make(.add(900..<901))
                // A small change may do with the memory that there is.
                if fault.isSticky && fault.effect != .memory {
                    throw Problem(description: "a change succeeds on a handle that has failed")
                }
                model.apply(.add(900..<901))
                inFlight = nil
            } catch let error as StoreError {
                try checkMessage(error)
                if inFlight == nil {
                    inFlight = model
                    inFlight?.apply(.add(900..<901))
                }
            }
        }
        try checkAnswers()
        do throws(StoreError) {
            try store.close()
        } catch {
            try checkMessage(error)
        }
    }

    // MARK: Afterwards

    /// Opens the store again with nothing failing. Throws a problem: it must have everything that was acknowledged.
    func checkAfterwards(_ directory: StateDirectory, digestBefore: UInt64) throws {
        if !hasWritten && exists {
            let digest = try DiskState(reading: directory.path).digest
            let opensForWriting = fault.scenario.steps.contains {
                if case .open(forWriting: true) = $0 { true } else { false }
            }
            guard opensForWriting || digest == digestBefore else {
                throw Problem(description: "a reader has changed the files")
            }
        }
        do {
            let store = try reopened()
            let report = try store.verify()
            guard report.isSound else { throw Problem(description: "reopened: " + report.problems[0]) }
            let models = [model] + (inFlight.map { [$0] } ?? [])
            var problems: [String] = []
            for model in models {
                guard let problem = try model.fullProblem(store) else { break }
                problems.append(problem)
            }
            guard problems.count < models.count else { throw Problem(description: "reopened: " + problems[0]) }
            try store.make(.add(950..<952))
            try store.close()
            let reader = try VectorStore.open(at: path, options: Scenario.options)
            let later = try reader.verify()
            guard later.isSound, try reader.contains(951) else {
                throw Problem(description: "reopened and changed: \(later.problems)")
            }
            try reader.close()
        } catch let error as StoreError {
            throw Problem(description: "reopened: \(error)")
        }
    }

    /// The store; where making it had failed, it is made now.
    private func reopened() throws -> VectorStore {
        do throws(StoreError) {
            return try VectorStore.openForWriting(at: path, options: Scenario.options)
        } catch {
            guard !exists, error.code == .notFound || error.code == .notAStore else { throw error }
            return try VectorStore.create(
                at: path, configuration: fault.scenario.configuration, options: Scenario.options)
        }
    }
}
