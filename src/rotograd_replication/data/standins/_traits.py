"""Forty attributes of a drawn face, correlated as they are among people.

Sex and age come first and shift the chances of the others; hair has one colour or none; a face has
no beard or some kind of it. The chances are choices: round numbers that give every attribute both
values in a few hundred faces.
"""

import numpy as np

from ..datasets.celeba import NAMES

# Attribute -> its chance for a woman and for a man; those that depend on more follow in `sample`.
CHANCES = {
    "Arched_Eyebrows": (0.4, 0.1),
    "Big_Lips": (0.3, 0.2),
    "Big_Nose": (0.15, 0.4),
    "Blurry": (0.08, 0.08),
    "Bushy_Eyebrows": (0.1, 0.35),
    "Eyeglasses": (0.1, 0.2),
    "High_Cheekbones": (0.5, 0.3),
    "Narrow_Eyes": (0.2, 0.2),
    "Oval_Face": (0.35, 0.2),
    "Pale_Skin": (0.15, 0.1),
    "Pointy_Nose": (0.35, 0.2),
    "Smiling": (0.55, 0.4),
    "Wearing_Earrings": (0.4, 0.05),
    "Wearing_Hat": (0.08, 0.15),
    "Wearing_Necklace": (0.3, 0.05),
    "Wearing_Necktie": (0.03, 0.3),
}
COLOURS = ("Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair")


def sample(generator: np.random.Generator) -> dict[str, bool]:
    """Draw all forty attributes of one face."""

    def chance(probability: float) -> bool:
        return bool(generator.random() < probability)

    face = dict.fromkeys(NAMES, False)
    male = face["Male"] = chance(0.42)
    young = face["Young"] = chance(0.65 if male else 0.85)
    for name, chances in CHANCES.items():
        face[name] = chance(chances[male])
    old = not young
    face["Chubby"] = chance(0.12 + 0.15 * old)
    face["Double_Chin"] = chance(0.7 if face["Chubby"] else 0.05)
    face["Bags_Under_Eyes"] = chance(0.15 + 0.3 * old)
    face["Bald"] = male and chance(0.05 + 0.25 * old)
    face["Receding_Hairline"] = not face["Bald"] and chance(0.05 + 0.25 * old)
    face["Bangs"] = not face["Bald"] and not face["Receding_Hairline"] and chance(0.3)
    if not face["Bald"]:
        shares = [0.3, 0.3, 0.1, 0.3] if old else [0.35, 0.35, 0.3, 0.0]
        face[COLOURS[generator.choice(4, p=shares)]] = True
        texture = generator.random()
        face["Straight_Hair"], face["Wavy_Hair"] = texture < 0.4, 0.4 <= texture < 0.85
    made_up = face["Heavy_Makeup"] = not male and chance(0.55)
    face["Wearing_Lipstick"] = made_up or (not male and chance(0.3))
    face["Rosy_Cheeks"] = not male and chance(0.5 if made_up else 0.1)
    face["Mouth_Slightly_Open"] = chance(0.7 if face["Smiling"] else 0.25)
    bearded = male and chance(0.5)
    if bearded:
        kind = generator.choice(4)
        face["Goatee"], face["5_o_Clock_Shadow"] = kind == 0, kind == 1
        face["Mustache"] = kind == 2 or (kind == 0 and chance(0.6))
        face["Sideburns"] = kind == 3 or chance(0.3)
    face["No_Beard"] = not bearded
    # Not drawn: a judgement, here one that follows what is drawn.
    face["Attractive"] = chance(0.15 + 0.35 * young + 0.2 * made_up + 0.15 * face["Oval_Face"])
    return {name: bool(value) for name, value in face.items()}
