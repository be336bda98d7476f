package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.bits;

/**
 * The tables of {@link PairErfNarrow}, 8 entries each, made like {@link PairErfConstants}: entry j
 * belongs to arguments of which j is nearest to {@code PIECES} times them. The point c is chosen
 * among the floats near j/{@code PIECES} so that erf(c), erf′(c) and erf″(c)/2 are near floats;
 * that of the first piece is a multiple of 2⁻²⁵, as is its erf(c). The other coefficients are fits
 * that are nearly minimax, rounded one after the other, the later ones fitted to what the rounding
 * of the earlier left: good to 2⁻³⁵·⁸, in the first piece to 2⁻³⁵·².
 */
final class PairErfNarrowConstants {
  /** Greatest argument of the last piece; erf rounds to 1 there. */
  static final float MAX = 0x1.f7fffep1f;

  /** Pieces in 1. */
  static final float PIECES = 1.9f;

  // Distance of a bound from the value: ERROR + ERROR_2·h². ERROR is the polynomial's, and in the
  // first piece what h and constant − head lose, 2⁻³⁷·1.13 and 2⁻³⁶. ERROR_2 are the roundings in q
  // (2⁻²⁶ the last, 2⁻²⁹ or so those before) times the greatest |h|, 0.272.
  static final float ERROR = 0x1.ap-35f;
  static final float ERROR_2 = 0x1.4p-28f;

  /** The points c of the pieces. */
  static final int[] POINT =
      bits(
          0x1.e7dp-13f,
          0x1.1182fcp-1f,
          0x1.0bd878p0f,
          0x1.963ed2p0f,
          0x1.0d9ed2p1f,
          0x1.51323ep1f,
          0x1.930c7cp1f,
          0x1.d8788p1f);

  /** erf(c), rounded. */
  static final int[] ERF =
      bits(
          0x1.1338p-12f,
          0x1.199e6cp-1f,
          0x1.b8d96cp-1f,
          0x1.f34afp-1f,
          0x1.fe84d8p-1f,
          0x1.ffe674p-1f,
          0x1.fffee4p-1f,
          0x1.fffffap-1f);

  /** The coefficient of h: erf′(c), rounded. */
  static final int[] SLOPE =
      bits(
          0x1.20dd74p0f,
          0x1.b24cb2p-1f,
          0x1.82ab4cp-2f,
          0x1.7486e4p-4f,
          0x1.b57abep-7f,
          0x1.1e79cap-10f,
          0x1.d3d506p-15f,
          0x1.6e8abcp-20f);

  /** Of h²: erf″(c)/2, rounded. */
  static final int[] ERF_2 =
      bits(
          -0x1.1338p-12f,
          -0x1.d002p-2f,
          -0x1.948f9ep-2f,
          -0x1.2794acp-3f,
          -0x1.ccc162p-6f,
          -0x1.79568cp-9f,
          -0x1.704794p-13f,
          -0x1.523e2ap-18f);

  /** Of h³. */
  static final int[] ERF_3 =
      bits(
          -0x1.8128cap-2f,
          -0x1.f12268p-4f,
          0x1.32984ap-3f,
          0x1.f53b6cp-4f,
          0x1.1f0e78p-5f,
          0x1.33793p-8f,
          0x1.6f0e0ep-12f,
          0x1.90e618p-17f);

  /** Of h⁴. */
  static final int[] ERF_4 =
      bits(
          0x1.727e96p-12f,
          0x1.77bafap-3f,
          0x1.b5444p-5f,
          -0x1.914bb2p-5f,
          -0x1.c312fp-6f,
          -0x1.561b16p-8f,
          -0x1.0241b8p-11f,
          -0x1.55c2a4p-16f);

  /** Of h⁵. */
  static final int[] ERF_5 =
      bits(
          0x1.c00ddap-4f,
          -0x1.6e2c38p-9f,
          -0x1.137332p-4f,
          -0x1.6ff78p-8f,
          0x1.9fa72ep-7f,
          0x1.0c3edp-8f,
          0x1.0e3decp-11f,
          0x1.bc7adcp-16f);

  /** Of h⁶. */
  static final int[] ERF_6 =
      bits(
          0x1.c54eacp-6f,
          -0x1.8c972cp-5f,
          0x1.2de6fap-7f,
          0x1.06b6cep-6f,
          -0x1.99c7fap-10f,
          -0x1.20b06ap-9f,
          -0x1.ad9b44p-12f,
          -0x1.c78f72p-16f);

  /** Of h⁷. */
  static final int[] ERF_7 =
      bits(
          -0x1.2fb606p-3f,
          0x1.0948a8p-7f,
          0x1.b14d12p-7f,
          -0x1.87b102p-8f,
          -0x1.10dfdap-9f,
          0x1.668e3ep-11f,
          0x1.01221ep-12f,
          0x1.7615d6p-16f);

  /** Of h⁸. */
  static final int[] ERF_8 =
      bits(
          0x1.1a842ap-2f,
          0x1.292d6ap-7f,
          -0x1.59cd78p-8f,
          -0x1.23b5f2p-10f,
          0x1.7076e8p-10f,
          0x1.05cbf2p-15f,
          -0x1.b78feep-14f,
          -0x1.fc37c4p-17f);

  /** Of h⁹. */
  static final int[] ERF_9 =
      bits(
          -0x1.fee734p-3f,
          -0x1.7346eap-9f,
          -0x1.202c38p-10f,
          0x1.dcb486p-10f,
          -0x1.e8e0ccp-13f,
          -0x1.4106eap-13f,
          0x1.e66702p-16f,
          0x1.168bcap-17f);

  private PairErfNarrowConstants() {}
}
