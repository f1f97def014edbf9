/// What a component is stored as.
public enum Scalar: String, Sendable, Hashable, CaseIterable {
    /// IEEE single precision: what is given is what is kept.
    case float32 = "f32"
    /// IEEE half precision: half the space, eleven bits of precision.
    case float16 = "f16"
    /// Whole numbers 0...255, exact.
    case uint8 = "u8"
    /// Whole numbers -128...127, exact.
    case int8 = "i8"
}
