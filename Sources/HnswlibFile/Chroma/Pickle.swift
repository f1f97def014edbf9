import FileFormat

/// Reads the pickles of Chroma's metadata: what Python's pickler makes of an object of one class with a dictionary of
/// numbers, strings and dictionaries of these, in protocols 2 to 5, and what serde_pickle makes of the dictionary
/// alone. It knows just the opcodes that these consist of. Nothing is looked up or called: the one class it knows
/// stands for its fields, and any other name ends it. What it builds is flat, and no larger than what such a pickle has
/// room for.
struct Pickle {
    /// Where it stops being one of these, and why.
    struct Malformed: Error {
        let offset: Int
        let message: String
    }

    enum Value {
        case none
        case integer(Int64)
        /// A number that does not fit.
        case large
        case boolean
        /// Bytes of the pickle that are to be UTF-8.
        case string(start: UInt32, count: UInt32)
        /// One of `dictionaries`.
        case dictionary(UInt32)
        case emptyTuple
        /// The class of Chroma's metadata, and the object of it.
        case persistentDataClass
        case persistentData
    }

    typealias Entry = (key: Value, value: Value)

    /// Offsets of strings fit 32 bits.
    static let maximumBytes = 1 << 30

    let bytes: [UInt8]
    private(set) var dictionaries: [[Entry]] = []
    /// The fields: those of the object, or those of the dictionary that stands for it.
    private(set) var fields: [Entry] = []
    private var position = 0
    private var opcodeOffset = 0
    private var stack: [Value] = []
    /// Where on the stack the marks are.
    private var marks: [Int] = []
    private var memo: [Value] = []
    private var valueCount = 0
    /// The object's dictionary, once it has been given.
    private var state: UInt32?

    /// Reads all of it. `bytes` must be no more than `maximumBytes`.
    init(_ bytes: [UInt8]) throws(Malformed) {
        precondition(bytes.count <= Self.maximumBytes)
        self.bytes = bytes
        while try step() {}
        guard position == bytes.count else { throw malformed("it goes on behind its end", at: position) }
        guard stack.count == 1, marks.isEmpty else { throw malformed("it leaves \(stack.count) values, not one") }
        switch (stack[0], state) {
        case (.dictionary(let index), nil): fields = dictionaries[Int(index)]
        case (.persistentData, let index?): fields = dictionaries[Int(index)]
        default: throw malformed("it is neither a dictionary nor Chroma's PersistentData")
        }
    }

    /// The bytes of a string.
    func text(start: UInt32, count: UInt32) -> ArraySlice<UInt8> { bytes[Int(start)..<(Int(start) + Int(count))] }

    private func malformed(_ message: String, at offset: Int? = nil) -> Malformed {
        Malformed(offset: offset ?? opcodeOffset, message: message)
    }

    /// Executes one opcode. Returns false at the end.
    private mutating func step() throws(Malformed) -> Bool {
        opcodeOffset = position
        let opcode = try byte()
        switch opcode {
        case 0x80:  // PROTO
            let version = try byte()
            guard (2...5).contains(version) else { throw malformed("protocol \(version), not 2 to 5") }
        case 0x95: _ = try take(8)  // FRAME: how much may be read ahead; of no meaning here.
        case UInt8(ascii: "."): return false
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "N"): try push(.none)
        case 0x88, 0x89: try push(.boolean)  // NEWTRUE, NEWFALSE
        case UInt8(ascii: "K"): try push(.integer(Int64(try byte())))
        case UInt8(ascii: "M"): try push(.integer(Int64(try number(UInt16.self))))
        case UInt8(ascii: "J"): try push(.integer(Int64(Int32(bitPattern: try number(UInt32.self)))))
        case 0x8A: try push(long(Int(try byte())))  // LONG1
        case 0x8C: try push(string(UInt64(try byte())))  // SHORT_BINUNICODE
        case UInt8(ascii: "X"): try push(string(UInt64(try number(UInt32.self))))  // BINUNICODE
        case 0x8D: try push(string(try number(UInt64.self)))  // BINUNICODE8
        case UInt8(ascii: ")"): try push(.emptyTuple)
        case UInt8(ascii: "}"):
            dictionaries.append([])
            try push(.dictionary(UInt32(dictionaries.count - 1)))
        case UInt8(ascii: "s"): try setItem()
        case UInt8(ascii: "u"): try setItems()
        case 0x94: try remember(memo.count)  // MEMOIZE
        case UInt8(ascii: "q"): try remember(Int(try byte()))
        case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)))
        case UInt8(ascii: "h"): try recall(Int(try byte()))
        case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))
        case UInt8(ascii: "c"): try global()
        case 0x93: try stackGlobal()
        case 0x81, UInt8(ascii: "R"): try makeObject()  // NEWOBJ, REDUCE
        case UInt8(ascii: "b"): try build()
        default:
            throw malformed("opcode 0x\(String(opcode, radix: 16)), which Chroma's metadata has no use for")
        }
        return true
    }
}

/// The opcodes that take bytes.
extension Pickle {
    private mutating func take(_ count: Int) throws(Malformed) -> Int {
        guard count <= bytes.count - position else { throw malformed("it ends inside this", at: bytes.count) }
        defer { position += count }
        return position
    }

    private mutating func byte() throws(Malformed) -> UInt8 { bytes[try take(1)] }

    private mutating func number<T: FixedWidthInteger & UnsignedInteger>(_: T.Type) throws(Malformed) -> T {
        bytes.integer(at: try take(T.bitWidth / 8))
    }

    /// Two's complement of `count` bytes.
    private mutating func long(_ count: Int) throws(Malformed) -> Value {
        let start = try take(count)
        guard count <= 8 else { return .large }
        guard count > 0 else { return .integer(0) }
        var value: Int64 = bytes[start + count - 1] >= 0x80 ? -1 : 0
        for index in (0..<count).reversed() { value = value << 8 | Int64(bytes[start + index]) }
        return .integer(value)
    }

    private mutating func string(_ count: UInt64) throws(Malformed) -> Value {
        guard count <= UInt64(bytes.count) else {
            throw malformed("a string of \(count) bytes, more than there are")
        }
        return .string(start: UInt32(try take(Int(count))), count: UInt32(count))
    }

    /// A line of a GLOBAL, without its end.
    private mutating func line() throws(Malformed) -> ArraySlice<UInt8> {
        let start = position
        while try byte() != UInt8(ascii: "\n") {}
        return bytes[start..<(position - 1)]
    }
}

/// The opcodes that work on the stack.
extension Pickle {
    /// The values that it may make for `bytes`: in a pickle of Chroma's each takes two bytes at least, but for a few.
    private var valueLimit: Int { bytes.count / 2 + 64 }

    private mutating func push(_ value: Value) throws(Malformed) {
        valueCount += 1
        guard valueCount <= valueLimit else { throw malformed("more values than metadata of this size has") }
        stack.append(value)
    }

    /// The topmost value above the last mark.
    private mutating func pop() throws(Malformed) -> Value {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw malformed("nothing to take") }
        return value
    }

    private mutating func setItem() throws(Malformed) {
        let value = try pop(), key = try pop()
        try dictionaries[target()].append((key, value))
    }

    private mutating func setItems() throws(Malformed) {
        guard let mark = marks.popLast() else { throw malformed("no mark before these entries") }
        guard (stack.count - mark) % 2 == 0 else { throw malformed("a key without its value") }
        let entries = stack[mark...]
        stack.removeSubrange(mark...)
        let target = try target()
        for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
            dictionaries[target].append((entries[index], entries[index + 1]))
        }
    }

    /// The dictionary on top of the stack.
    private func target() throws(Malformed) -> Int {
        guard stack.count > marks.last ?? 0, case .dictionary(let index)? = stack.last else {
            throw malformed("entries, but no dictionary to put them in")
        }
        return Int(index)
    }

    /// Picklers number what they remember from 0 on.
    private mutating func remember(_ index: Int) throws(Malformed) {
        guard let value = stack.last else { throw malformed("nothing to remember") }
        guard index <= memo.count, index < valueLimit else {
            throw malformed("it remembers number \(index) when \(memo.count) came before")
        }
        if index == memo.count { memo.append(value) } else { memo[index] = value }
    }

    private mutating func recall(_ index: Int) throws(Malformed) {
        guard index < memo.count else { throw malformed("number \(index) of \(memo.count) that it remembers") }
        try push(memo[index])
    }

    private mutating func global() throws(Malformed) {
        let module = try line(), name = try line()
        try push(persistentDataClass(module, name))
    }

    private mutating func stackGlobal() throws(Malformed) {
        guard case .string(let nameStart, let nameCount) = try pop(),
            case .string(let start, let count) = try pop()
        else { throw malformed("a class without a name") }
        try push(persistentDataClass(text(start: start, count: count), text(start: nameStart, count: nameCount)))
    }

    private func persistentDataClass(_ module: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) throws(Malformed) -> Value
    {
        guard module.elementsEqual("chromadb.segment.impl.vector.local_persistent_hnsw".utf8),
            name.elementsEqual("PersistentData".utf8)
        else {
            throw malformed("it names \(shown(module)).\(shown(name)), which is not Chroma's PersistentData")
        }
        return .persistentDataClass
    }

    private mutating func makeObject() throws(Malformed) {
        guard case .emptyTuple = try pop(), case .persistentDataClass = try pop() else {
            throw malformed("an object that is not made of Chroma's class and no arguments")
        }
        try push(.persistentData)
    }

    private mutating func build() throws(Malformed) {
        guard case .dictionary(let index) = try pop(), case .persistentData? = stack.last, state == nil else {
            throw malformed("fields that are no dictionary, or have no object")
        }
        state = index
    }
}

/// Bytes from a file as they may be shown in a message: printable ASCII, the rest escaped, cut off when long.
func shown(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for byte in bytes.prefix(60) {
        if (0x20..<0x7F).contains(byte) {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return bytes.count > 60 ? text + "…" : text
}
