import Foundation
import SystemPackage
import TestSupport
import Testing

/// What Scripts/read_store.py prints, under its names.
struct ReadStore: Decodable, Equatable {
    struct Superblock: Decodable, Equatable {
        let version, dimensions, m, ef_construction, metric, scalar: Int
        let seed: UInt64
        let store, layout, name: String
    }
    struct Header: Decodable, Equatable {
        var generation, ef: Int
        let slot_count, segment_count, entry_point, maximum_level, live, marked, free, level_state: Int
        let graph_generation: Int
    }
    struct Slot: Decodable, Equatable {
        let label: UInt64
        let level, state: Int
        let norm: Float?
        let stored, vector: [Float]
        let head: UInt32
        let area, links: [UInt32]
    }
    struct Node: Decodable, Equatable {
        struct List: Decodable, Equatable {
            let head: UInt32
            let area, links: [UInt32]
        }
        let slot, level: Int
        let lists: [List]
    }

    let superblock: Superblock
    var header: Header
    let slots: [Slot]
    let upper: [Node]
    let labels: [UInt64: Int]
}

extension ReadStore {
    private enum Key: String, CodingKey { case superblock, header, slots, upper, labels }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        superblock = try values.decode(Superblock.self, forKey: .superblock)
        header = try values.decode(Header.self, forKey: .header)
        slots = try values.decode([Slot].self, forKey: .slots)
        upper = try values.decode([Node].self, forKey: .upper)
        // JSON has labels as text, because they are keys.
        let labels = try values.decode([String: Int].self, forKey: .labels)
        self.labels = try Dictionary(uniqueKeysWithValues: labels.map { (try #require(UInt64($0.key)), $0.value) })
    }

    init(decoding bytes: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) }

    private struct Problems: Decodable { let problems: [String] }

    /// Runs the reader: its exit status, the store if it could be read to its end, and what is wrong with it.
    private static func run(on path: FilePath) throws -> (status: Int, output: [UInt8], problems: [String]) {
        let script = projectDirectory.appending("Scripts").appending("read_store.py")
        let outcome: (status: Int, output: String, errors: String)
        do {
            outcome = try TestSupport.run(["python3", script.string, path.string])
        } catch let error as Errno {
            Issue.record("these tests need python3 in PATH; starting it failed: \(error)")
            throw error
        }
        try #require([0, 2].contains(outcome.status), "read_store.py failed: \(outcome.errors)")
        let output = Array(outcome.output.utf8)
        return (outcome.status, output, try JSONDecoder().decode(Problems.self, from: Data(output)).problems)
    }

    static func reading(_ path: FilePath) throws -> (status: Int, store: ReadStore, problems: [String]) {
        let (status, output, problems) = try run(on: path)
        return (status, try ReadStore(decoding: output), problems)
    }

    /// Why the reader does not call the store at `path` sound.
    static func problems(_ path: FilePath) throws -> (status: Int, problems: [String]) {
        let (status, _, problems) = try run(on: path)
        return (status, problems)
    }

    /// The nearest live slots to `query` by the store's metric, computed from the vectors as they were given.
    func nearest(to query: [Float], count: Int) -> [(label: UInt64, distance: Double)] {
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let distances = slots.filter { $0.state == 1 }.map { slot -> (label: UInt64, distance: Double) in
            let inner = product(slot.vector, query)
            let lengths = (product(slot.vector, slot.vector), product(query, query))
            switch superblock.metric {
            case 0: return (slot.label, lengths.0 + lengths.1 - 2 * inner)
            case 1: return (slot.label, 1 - inner)
            default: return (slot.label, 1 - inner / (lengths.0 * lengths.1).squareRoot())
            }
        }
        return Array(distances.sorted { $0.distance < $1.distance }.prefix(count))
    }
}
