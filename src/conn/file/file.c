/* The file connector: property table and definition. The sink appends messages (sink.c), the source reads files and folders (source.c). */
#include "conn/file/inside.h"

#define SRC SL_P_SOURCE
#define SINK SL_P_SINK
static const sl_prop file_props[] = {
    {"path", SL_P_STR, SRC, SL_AT(file_conf, path), .def = "data", .doc = "Folder of the file or folder that DATASOURCE names; absolute, or relative to the engine's home."},
    {"fileType", SL_P_STR, SRC, SL_AT(file_conf, file_type), .def = "json",
     .doc = "csv: one row per record, all text. lines: one message per line. Any other word (json, raw): the whole file is one message."},
    {"interval", SL_P_DUR, SRC, SL_AT(file_conf, interval), .def = "0",
     .doc = "0: read once and, for a folder, watch it. Above 0: read again each time; of a folder, only what is new."},
    {"sendInterval", SL_P_DUR, SRC, SL_AT(file_conf, send_interval), .def = "0", .doc = "Pause between two rows of csv and lines."},
    {"actionAfterRead", SL_P_INT, SRC, SL_AT(file_conf, action), .def = "0", .doc = "After reading: 0 keeps the file, 1 deletes it, 2 moves it to moveTo."},
    {"moveTo", SL_P_STR, SRC, SL_AT(file_conf, move_to), .doc = "Folder for read files, on the same file system; made when missing."},
    {"hasHeader", SL_P_BOOL, SRC, SL_AT(file_conf, has_header), .def = "false", .doc = "csv: the first record names the columns."},
    {"columns", SL_P_STRS, SRC, SL_AT(file_conf, columns), .doc = "csv: names of the columns when there is no header; otherwise cols0, cols1 and so on.", .example = "[\"id\",\"name\"]"},
    {"delimiter", SL_P_STR, SRC, SL_AT(file_conf, delimiter), .doc = "csv: the first byte separates fields; a comma when empty."},
    {"ignoreStartLines", SL_P_INT, SRC, SL_AT(file_conf, ignore_start), .def = "0", .doc = "csv and lines: lines to leave out at the start, empty ones counted."},
    {"ignoreEndLines", SL_P_INT, SRC, SL_AT(file_conf, ignore_end), .def = "0", .doc = "csv and lines: lines to leave out at the end, empty ones counted."},
    {"decompression", SL_P_STR, SRC, SL_AT(file_conf, decompression), .doc = "gzip, zstd, zlib or flate: whole files are unpacked first. Not for csv and lines."},
    {"parallel", SL_P_REFUSED, SRC, 0, .doc = "files are read one after another, in order"},
    {"path", SL_P_STR, SINK | SL_P_TEMPLATE, SL_AT(file_conf, out_path), .def = "cache", .doc = "File to write; one file is open per rendered path. Relative to the engine's home."},
    {"fileType", SL_P_STR, SINK, SL_AT(file_conf, out_type), .def = "lines",
     .doc = "lines: one message per line. json: an array of the messages. csv: a header, then lines; needs format delimited."},
    {"hasHeader", SL_P_BOOL, SINK, SL_AT(file_conf, out_header), .def = "false", .doc = "csv: begin each file with the names of the columns."},
    {"delimiter", SL_P_STR, SINK, SL_AT(file_conf, out_delimiter), .def = ",", .doc = "csv: separates the names of the header."},
    {"fields", SL_P_STRS, SINK, SL_AT(file_conf, fields), .doc = "csv: names of the header, in this order."},
    {"format", SL_P_STR, SINK, SL_AT(file_conf, out_format), .def = "json", .doc = "Format of the messages."},
    {"rollingInterval", SL_P_DUR, SINK, SL_AT(file_conf, roll_interval), .def = "0", .doc = "Begin a new file when this one is older; 0: never for its age."},
    {"checkInterval", SL_P_DUR, SINK, SL_AT(file_conf, check_interval), .def = "5m", .doc = "How often the age of files is looked at; at least every rollingInterval."},
    {"rollingCount", SL_P_INT, SINK, SL_AT(file_conf, roll_count), .def = "1000000", .doc = "Begin a new file after so many messages; 0: never."},
    {"rollingSize", SL_P_INT, SINK, SL_AT(file_conf, roll_size), .def = "0", .doc = "Begin a new file after so many bytes before compression; 0: never."},
    {"rollingNamePattern", SL_P_STR, SINK, SL_AT(file_conf, pattern),
     .doc = "Where the time of a file's creation (ms since 1970) goes in its name: prefix 1700000000000-name.ext, suffix name-1700000000000.ext. "
            "none: a new file replaces the old one."},
    {"rollingHook", SL_P_REFUSED, SINK, 0, .doc = "there are no hooks; watch the folder, or read it with a file source"},
    {"rollingHookProps", SL_P_REFUSED, SINK, 0, .doc = "there are no hooks"},
    {"compression", SL_P_STR, SINK, SL_AT(file_conf, compression), .doc = "gzip or zstd: the file is compressed."},
    {"encryption", SL_P_STR, SINK, SL_AT(file_conf, encryption), .doc = "aes: the file is encrypted with the server's key (CFB, after compression): 16 bytes of IV, then the data.", .example = "aes"},
    {"interval", SL_P_DUR, SINK, SL_AT(file_conf, interval), .def = "0", .doc = "Without effect; accepted from old rules."},
    {0}};
const sl_conn_def sl_conn_file = {.name = "file",
                                  .title = "File",
                                  .doc = "Reads files and folders; writes rolling files.",
                                  .props = file_props,
                                  .conf_size = sizeof(file_conf),
                                  .datasource = "Name of a file or folder under path",
                                  .source = &file_source,
                                  .sink = &file_sink};
