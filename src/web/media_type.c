#include "web/media_type.h"
#include <string.h>
#include "wire/bytes.h"

#define UTF8 "; charset=utf-8"

/* By extension, in order. IANA's registry of media types; text is UTF-8. */
static const struct { weft_str end, type; } types[] = {
    { WEFT_S("7z"), WEFT_S("application/x-7z-compressed") },
    { WEFT_S("aac"), WEFT_S("audio/aac") },
    { WEFT_S("atom"), WEFT_S("application/atom+xml") },
    { WEFT_S("avif"), WEFT_S("image/avif") },
    { WEFT_S("bmp"), WEFT_S("image/bmp") },
    { WEFT_S("bz2"), WEFT_S("application/x-bzip2") },
    { WEFT_S("css"), WEFT_S("text/css" UTF8) },
    { WEFT_S("csv"), WEFT_S("text/csv" UTF8) },
    { WEFT_S("epub"), WEFT_S("application/epub+zip") },
    { WEFT_S("flac"), WEFT_S("audio/flac") },
    { WEFT_S("gif"), WEFT_S("image/gif") },
    { WEFT_S("gz"), WEFT_S("application/gzip") },
    { WEFT_S("htm"), WEFT_S("text/html" UTF8) },
    { WEFT_S("html"), WEFT_S("text/html" UTF8) },
    { WEFT_S("ico"), WEFT_S("image/vnd.microsoft.icon") },
    { WEFT_S("ics"), WEFT_S("text/calendar" UTF8) },
    { WEFT_S("jpeg"), WEFT_S("image/jpeg") },
    { WEFT_S("jpg"), WEFT_S("image/jpeg") },
    { WEFT_S("js"), WEFT_S("text/javascript" UTF8) },
    { WEFT_S("json"), WEFT_S("application/json") },
    { WEFT_S("jsonl"), WEFT_S("application/jsonl") },
    { WEFT_S("m4a"), WEFT_S("audio/mp4") },
    { WEFT_S("map"), WEFT_S("application/json") },
    { WEFT_S("md"), WEFT_S("text/markdown" UTF8) },
    { WEFT_S("mjs"), WEFT_S("text/javascript" UTF8) },
    { WEFT_S("mp3"), WEFT_S("audio/mpeg") },
    { WEFT_S("mp4"), WEFT_S("video/mp4") },
    { WEFT_S("oga"), WEFT_S("audio/ogg") },
    { WEFT_S("ogg"), WEFT_S("audio/ogg") },
    { WEFT_S("ogv"), WEFT_S("video/ogg") },
    { WEFT_S("opus"), WEFT_S("audio/ogg") },
    { WEFT_S("otf"), WEFT_S("font/otf") },
    { WEFT_S("pdf"), WEFT_S("application/pdf") },
    { WEFT_S("png"), WEFT_S("image/png") },
    { WEFT_S("rss"), WEFT_S("application/rss+xml") },
    { WEFT_S("svg"), WEFT_S("image/svg+xml") },
    { WEFT_S("tar"), WEFT_S("application/x-tar") },
    { WEFT_S("tif"), WEFT_S("image/tiff") },
    { WEFT_S("tiff"), WEFT_S("image/tiff") },
    { WEFT_S("ttf"), WEFT_S("font/ttf") },
    { WEFT_S("txt"), WEFT_S("text/plain" UTF8) },
    { WEFT_S("wasm"), WEFT_S("application/wasm") },
    { WEFT_S("wav"), WEFT_S("audio/wav") },
    { WEFT_S("webm"), WEFT_S("video/webm") },
    { WEFT_S("webmanifest"), WEFT_S("application/manifest+json") },
    { WEFT_S("webp"), WEFT_S("image/webp") },
    { WEFT_S("woff"), WEFT_S("font/woff") },
    { WEFT_S("woff2"), WEFT_S("font/woff2") },
    { WEFT_S("xhtml"), WEFT_S("application/xhtml+xml") },
    { WEFT_S("xml"), WEFT_S("application/xml") },
    { WEFT_S("yaml"), WEFT_S("application/yaml") },
    { WEFT_S("yml"), WEFT_S("application/yaml") },
    { WEFT_S("zip"), WEFT_S("application/zip") },
};

weft_str weft__media_type(weft_str path)
{
    size_t from = path.len;
    while (from && path.ptr[from - 1] != '.' && path.ptr[from - 1] != '/') from--;
    weft_str end = { path.ptr + from, path.len - from };
    bool has_one = from > 1 && path.ptr[from - 1] == '.' && path.ptr[from - 2] != '/';
    for (size_t i = 0; has_one && i < weft_count(types); i++)
        if (weft__same_nocase(types[i].end, end)) return types[i].type;
    return WEFT_S("application/octet-stream");
}
