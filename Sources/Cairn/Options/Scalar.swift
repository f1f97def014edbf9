extension VectorStore {
    /// The type in which each component of a vector is stored.
    public enum Scalar: String, Sendable, Hashable, Codable, CaseIterable {
        /// IEEE single precision. Components are kept as you give them.
        case float32 = "f32"
        /// IEEE half precision. It takes half the space and has eleven bits of precision.
        case float16 = "f16"
        /// Whole numbers 0...255, kept exactly.
        case uint8 = "u8"
        /// Whole numbers -128...127, kept exactly.
        case int8 = "i8"
    }
}
