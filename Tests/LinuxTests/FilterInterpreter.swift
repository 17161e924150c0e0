@testable import Linux

/// Runs a seccomp program the way the kernel does (classic BPF over struct seccomp_data) and counts its instructions.
struct FilterInterpreter {
    var program: SyscallFilter

    struct Outcome: Equatable {
        var action: UInt32
        var instructions: Int
    }

    /// Nil for a program that the kernel would refuse.
    func run(number: Int32, arguments: [UInt64] = [], architecture: UInt32) -> Outcome? {
        var data = [UInt32](repeating: 0, count: 16)
        data[0] = UInt32(bitPattern: number)
        data[1] = architecture
        for (index, argument) in arguments.enumerated() {
            data[4 + 2 * index] = UInt32(truncatingIfNeeded: argument)
            data[5 + 2 * index] = UInt32(argument >> 32)
        }
        var accumulator: UInt32 = 0
        var position = 0
        var count = 0
        while position < program.instructions.count {
            let instruction = program.instructions[position]
            let code = UInt16(truncatingIfNeeded: instruction)
            let whenTrue = Int(instruction >> 16 & 0xff)
            let whenFalse = Int(instruction >> 24 & 0xff)
            let operand = UInt32(instruction >> 32)
            count += 1
            position += 1
            switch code {
            case 0x20:  // load a word
                guard operand % 4 == 0, operand < 64 else { return nil }
                accumulator = data[Int(operand / 4)]
            case 0x54: accumulator &= operand
            case 0x05: position += Int(operand)
            case 0x15: position += accumulator == operand ? whenTrue : whenFalse
            case 0x25: position += accumulator > operand ? whenTrue : whenFalse
            case 0x35: position += accumulator >= operand ? whenTrue : whenFalse
            case 0x06: return Outcome(action: operand, instructions: count)
            default: return nil
            }
        }
        return nil
    }
}
