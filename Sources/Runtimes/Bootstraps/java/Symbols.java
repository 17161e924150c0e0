package apus.lambda;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Where this process has what its program or its C library defines: by the symbol tables of their files (elf(5)). */
final class Symbols {
    private static final int DYNAMIC_SYMBOLS = 11;
    private static final int POSITION_INDEPENDENT = 3;
    private static final int SYMBOL_SIZE = 24;

    private Symbols() {}

    /** The address of a symbol that the dynamic linker would find by this name; an error where there is none. */
    static long find(String name) throws IOException {
        String program = new File("/proc/self/exe").getCanonicalPath();
        long found = 0;
        BufferedReader maps = new BufferedReader(new InputStreamReader(new FileInputStream("/proc/self/maps"), StandardCharsets.UTF_8));
        try {
            // start-end access offset device inode path: the first line of a file has its beginning.
            for (String line = maps.readLine(); line != null; line = maps.readLine()) {
                String[] fields = line.split(" +", 6);
                if (fields.length < 6 || Long.parseLong(fields[2], 16) != 0) continue;
                boolean isProgram = fields[5].equals(program);
                if (!isProgram && !isLibrary(fields[5])) continue;
                long address = find(name, fields[5], Long.parseLong(fields[0].substring(0, fields[0].indexOf('-')), 16));
                // A program that has a copy of a variable of the library has the one that counts.
                if (address != 0 && (isProgram || found == 0)) found = address;
                if (isProgram && found != 0) break;
            }
        } finally {
            maps.close();
        }
        if (found == 0) throw new IOException("there is no " + name);
        return found;
    }

    private static boolean isLibrary(String path) {
        String file = path.substring(path.lastIndexOf('/') + 1);
        return file.startsWith("libc.so") || file.startsWith("libc-2") || file.startsWith("ld-musl-");
    }

    /** In the file at `path`, which lies in memory from `start` on; 0 where it does not define it. */
    private static long find(String name, String path, long start) throws IOException {
        RandomAccessFile file = new RandomAccessFile(path, "r");
        try {
            ByteBuffer header = read(file, 0, 64);
            boolean is64 = header.getInt(0) == ByteBuffer.wrap(new byte[] {0x7f, 'E', 'L', 'F'}).order(header.order()).getInt() && header.get(4) == 2;
            if (!is64) throw new IOException(path + " is no 64-bit program");
            int size = header.getShort(58);
            ByteBuffer sections = read(file, header.getLong(40), size * header.getShort(60));
            for (int section = 0; section < sections.limit(); section += size) {
                if (sections.getInt(section + 4) != DYNAMIC_SYMBOLS) continue;
                ByteBuffer symbols = read(file, sections.getLong(section + 24), sections.getLong(section + 32));
                int strings = sections.getInt(section + 40) * size;
                ByteBuffer names = read(file, sections.getLong(strings + 24), sections.getLong(strings + 32));
                for (int symbol = 0; symbol < symbols.limit(); symbol += SYMBOL_SIZE) {
                    boolean isDefined = symbols.getShort(symbol + 6) != 0;
                    if (!isDefined || !matches(names, symbols.getInt(symbol), name)) continue;
                    return symbols.getLong(symbol + 8) + (header.getShort(16) == POSITION_INDEPENDENT ? start : 0);
                }
            }
            return 0;
        } finally {
            file.close();
        }
    }

    private static boolean matches(ByteBuffer names, int offset, String name) {
        if (offset + name.length() >= names.limit() || names.get(offset + name.length()) != 0) return false;
        for (int i = 0; i < name.length(); i++) {
            if (names.get(offset + i) != name.charAt(i)) return false;
        }
        return true;
    }

    private static ByteBuffer read(RandomAccessFile file, long offset, long size) throws IOException {
        byte[] bytes = new byte[(int) size];
        file.seek(offset);
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }
}
