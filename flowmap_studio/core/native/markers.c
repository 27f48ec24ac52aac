/* Markers drawn over each other, point by point, on an image of premultiplied 0xAARRGGBB pixels. */
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

/* Rows of the image that are cleared and drawn on before the next ones: they stay in the cache. */
#define BAND 32

/* Pixels that are drawn at once, whatever the vectors of floats are. */
#define ACROSS 8

typedef struct {
    uint32_t *pixels; /* (height, width) */
    int64_t width, height;
} Image;

typedef struct {
    const uint32_t *pictures; /* (phases, phases, height, width), by phase in y and in x */
    int64_t phases, width, height; /* width: a multiple of ACROSS */
} Marker;

typedef __m256i Pixels __attribute__((aligned(4), may_alias)); /* ACROSS of them */

/* Channels of 16 bits times shares of 255, rounded. */
INLINE __m256i scaled(__m256i channels, __m256i shares) {
    __m256i product = _mm256_add_epi16(_mm256_mullo_epi16(channels, shares), _mm256_set1_epi16(128));
    return _mm256_srli_epi16(_mm256_add_epi16(product, _mm256_srli_epi16(product, 8)), 8);
}

/* What is seen of pixels under others, and those. */
INLINE __m256i over(__m256i upper, __m256i lower) {
    __m256i none = _mm256_setzero_si256();
    __m256i clear = _mm256_sub_epi32(_mm256_set1_epi32(255), _mm256_srli_epi32(upper, 24));
    clear = _mm256_or_si256(clear, _mm256_slli_epi32(clear, 16)); /* of two channels */
    __m256i low = _mm256_unpacklo_epi8(lower, none), high = _mm256_unpackhi_epi8(lower, none);
    low = scaled(low, _mm256_unpacklo_epi32(clear, clear));
    high = scaled(high, _mm256_unpackhi_epi32(clear, clear));
    return _mm256_add_epi8(upper, _mm256_packus_epi16(low, high));
}

/* The place of a coordinate between one pixel and the next, in phases. */
INLINE int64_t phase_of(float x, float whole, int64_t phases) {
    int64_t phase = (x - whole) * phases;
    return phase < phases ? phase : phases - 1;
}

/* A marker's upper left pixel, and which of its pictures it has there. */
typedef struct {
    int32_t column, row, phase;
} Spot;

/* Whether the image can hold a marker as a whole. */
INLINE int fits(const Image *image, const Marker *marker, float x, float y) {
    return x >= 0 && y >= 0 && x < image->width - marker->width + 1 &&
           y < image->height - marker->height + 1;
}

INLINE Spot spot_of(const Marker *marker, float x, float y) {
    float column = floorf(x), row = floorf(y);
    int32_t down = phase_of(y, row, marker->phases), across = phase_of(x, column, marker->phases);
    return (Spot){column, row, down * marker->phases + across};
}

/* Sorts the markers that fit by bands; those of band b end at ends[b]. */
static void sort_spots(const Image *image, const Marker *marker, const float *x, const float *y,
                       int64_t count, int64_t bands, Spot *spots, int64_t *ends) {
    memset(ends, 0, bands * sizeof(int64_t));
    for (int64_t i = 0; i < count; i++)
        if (fits(image, marker, x[i], y[i])) ends[(int64_t)y[i] / BAND]++;
    for (int64_t b = 0, end = 0; b < bands; b++) { /* where each begins */
        int64_t here = ends[b];
        ends[b] = end;
        end += here;
    }
    for (int64_t i = 0; i < count; i++)
        if (fits(image, marker, x[i], y[i]))
            spots[ends[(int64_t)y[i] / BAND]++] = spot_of(marker, x[i], y[i]);
}

static void draw(const Image *image, const Marker *marker, Spot spot) {
    const uint32_t *from = marker->pictures + spot.phase * marker->height * marker->width;
    uint32_t *to = image->pixels + spot.row * image->width + spot.column;
    for (int64_t r = 0; r < marker->height; r++, to += image->width, from += marker->width)
        for (int64_t c = 0; c < marker->width; c += ACROSS) {
            Pixels *seen = (Pixels *)(to + c);
            *seen = over(*(const Pixels *)(from + c), *seen);
        }
}

/* Draws a marker for each point, whose upper left pixel is the one that (x, y) lies in, on what
   is there or, if it is `fresh`, on nothing. Markers that the image can't hold as a whole are left
   out. Returns 0, or -1 where memory ran out. */
EXPORT int stamp_markers(const Image *image, const Marker *marker, const float *x, const float *y,
                         int64_t count, int64_t fresh) {
    int64_t bands = image->height / BAND + 1, cleared = 0, at = 0;
    int64_t *ends = malloc(bands * sizeof(int64_t) + count * sizeof(Spot));
    if (!ends) return -1;
    Spot *spots = (Spot *)(ends + bands);
    sort_spots(image, marker, x, y, count, bands, spots, ends);
    for (int64_t b = 0; b < bands; b++) {
        int64_t end = (b + 1) * BAND + marker->height; /* as far as the band's markers reach */
        end = end < image->height ? end : image->height;
        if (fresh)
            memset(image->pixels + cleared * image->width, 0,
                   (end - cleared) * image->width * sizeof(uint32_t));
        cleared = end;
        for (; at < ends[b]; at++) draw(image, marker, spots[at]);
    }
    free(ends);
    return 0;
}
