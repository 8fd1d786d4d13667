"""Empirical priors of μ and τ by field of medicine, from the Cochrane database: Bartoš 2021 and 2023.

The numbers are those of the tables of both papers as the authors give them in their package BayesTools
(``prior_informed``): a t law around 0 for μ; an inverse-gamma law for τ, half-normal for risk differences.
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["ALL", "BINARY", "CONTINUOUS", "HAZARD", "BinaryRow"]

ALL = "all fields"

BinaryRow: TypeAlias = tuple[
    tuple[float, int], tuple[float, float] | None, tuple[float, int], tuple[float, float] | None, tuple[float, int],
    float | None,
]  # fmt: skip
"""log OR: (scale, df) of μ, (shape, scale) of τ; the same of log RR; RD: (scale, df) of μ, scale of τ."""

CONTINUOUS: dict[str, tuple[float, int, float, float]] = {
    ALL: (0.43, 5, 1.71, 0.40),
    "Acute Respiratory Infections": (0.38, 5, 1.73, 0.46),
    "Airways": (0.38, 6, 2.02, 0.28),
    "Anaesthesia": (0.55, 4, 1.62, 0.64),
    "Back and Neck": (0.37, 5, 1.75, 0.57),
    "Bone, Joint and Muscle Trauma": (0.40, 5, 1.52, 0.28),
    "Colorectal": (0.51, 5, 1.64, 0.56),
    "Common Mental Disorders": (0.55, 5, 1.62, 0.45),
    "Consumers and Communication": (0.40, 5, 1.56, 0.14),
    "Cystic Fibrosis and Genetic Disorders": (0.47, 5, 1.70, 0.45),
    "Dementia and Cognitive Improvement": (0.45, 5, 1.71, 0.44),
    "Developmental, Psychosocial and Learning Problems": (0.18, 5, 1.43, 0.12),
    "Drugs and Alcohol": (0.33, 5, 1.89, 0.28),
    "Effective Practice and Organisation of Care": (0.39, 5, 1.71, 0.35),
    "Emergency and Critical Care": (0.39, 5, 1.62, 0.29),
    "ENT": (0.43, 5, 1.85, 0.48),
    "Eyes and Vision": (0.40, 6, 1.86, 0.41),
    "Gynaecological, Neuro-oncology and Orphan Cancer": (0.45, 5, 1.67, 0.46),
    "Gynaecology and Fertility": (0.38, 5, 1.78, 0.46),
    "Heart": (0.42, 5, 1.83, 0.47),
    "Hepato-Biliary": (0.60, 4, 1.56, 0.58),
    "HIV/AIDS": (0.43, 5, 1.73, 0.44),
    "Hypertension": (0.48, 3, 2.01, 0.38),
    "Incontinence": (0.33, 6, 1.64, 0.36),
    "Infectious Diseases": (0.59, 2, 1.28, 0.44),
    "Inflammatory Bowel Disease": (0.40, 5, 1.76, 0.39),
    "Injuries": (0.35, 5, 1.80, 0.34),
    "Kidney and Transplant": (0.54, 5, 1.72, 0.53),
    "Metabolic and Endocrine Disorders": (0.43, 5, 1.71, 0.37),
    "Methodology": (0.49, 5, 1.72, 0.51),
    "Movement Disorders": (0.42, 5, 1.88, 0.33),
    "Musculoskeletal": (0.45, 6, 1.87, 0.38),
    "Neonatal": (0.42, 5, 1.68, 0.38),
    "Oral Health": (0.51, 5, 1.79, 0.28),
    "Pain, Palliative and Supportive Care": (0.43, 5, 1.69, 0.42),
    "Pregnancy and Childbirth": (0.33, 5, 1.86, 0.32),
    "Public Health": (0.33, 5, 1.76, 0.23),
    "Schizophrenia": (0.29, 4, 1.60, 0.27),
    "Sexually Transmitted Infections": (0.42, 5, 1.70, 0.59),
    "Skin": (0.48, 5, 1.64, 0.51),
    "Stroke": (0.48, 5, 1.71, 0.40),
    "Tobacco Addiction": (0.44, 4, 1.73, 0.42),
    "Upper GI and Pancreatic Diseases": (0.45, 5, 1.76, 0.38),
    "Urology": (0.44, 5, 1.73, 0.45),
    "Vascular": (0.46, 5, 1.66, 0.50),
    "Work": (0.42, 5, 1.76, 0.39),
    "Wounds": (0.56, 5, 1.54, 0.41),
}
"""Field → scale and df of t for μ, shape and scale of the inverse gamma for τ; standardised mean differences."""

BINARY: dict[str, BinaryRow] = {
    ALL: ((0.58, 4), (1.77, 0.55), (0.32, 3), (1.51, 0.23), (0.034, 1), 0.099),
    "Acute Respiratory Infections": ((0.48, 3), (1.67, 0.45), (0.27, 3), (1.58, 0.25), (0.012, 1), 0.102),
    "Airways": ((0.37, 2), (1.35, 0.27), (0.25, 3), (1.36, 0.15), (0.005, 1), 0.099),
    "Anaesthesia": ((0.79, 6), (2.12, 0.86), (0.45, 5), (1.21, 0.21), (0.020, 1), 0.108),
    "Back and Neck": ((0.62, 4), (1.84, 0.68), (0.34, 3), (1.52, 0.22), (0.056, 2), 0.102),
    "Bone, Joint and Muscle Trauma": ((0.44, 2), (1.01, 0.36), (0.26, 2), (0.97, 0.14), (0.014, 1), 0.119),
    "Breast Cancer": ((0.39, 3), (1.59, 0.48), (0.21, 3), (1.49, 0.24), (0.049, 2), 0.118),
    "Childhood Cancer": ((0.47, 4), None, (0.28, 3), None, (0.021, 1), None),
    "Colorectal": ((0.65, 4), (1.71, 0.60), (0.38, 4), (1.42, 0.27), (0.010, 1), 0.096),
    "Common Mental Disorders": ((0.54, 4), (1.63, 0.45), (0.29, 3), (1.43, 0.20), (0.051, 1), 0.108),
    "Consumers and Communication": ((0.48, 4), (2.37, 0.86), (0.13, 2), (1.48, 0.14), (0.063, 2), 0.103),
    "Cystic Fibrosis and Genetic Disorders": ((0.40, 3), (1.82, 0.58), (0.21, 2), (1.71, 0.24), (0.015, 1), 0.092),
    "Dementia and Cognitive Improvement": ((0.49, 4), (1.28, 0.25), (0.29, 3), (1.53, 0.19), (0.017, 1), 0.092),
    "Developmental, Psychosocial and Learning Problems": (
        (0.83, 5), (1.83, 0.82), (0.39, 3), (0.97, 0.11), (0.082, 2), 0.132,
    ),
    "Drugs and Alcohol": ((0.44, 4), (1.59, 0.42), (0.22, 4), (1.58, 0.20), (0.025, 1), 0.101),
    "Effective Practice and Organisation of Care": (
        (0.51, 4), (1.90, 0.68), (0.30, 4), (1.40, 0.24), (0.056, 2), 0.106,
    ),
    "Emergency and Critical Care": ((0.35, 3), (1.46, 0.34), (0.19, 2), (1.65, 0.25), (0.019, 1), 0.068),
    "ENT": ((0.81, 4), (1.73, 0.71), (0.40, 4), (1.50, 0.24), (0.042, 1), 0.123),
    "Epilepsy": ((0.88, 6), (1.71, 0.43), (0.58, 5), (1.74, 0.27), (0.047, 2), 0.086),
    "Eyes and Vision": ((0.77, 5), (2.09, 0.94), (0.34, 4), (1.60, 0.26), (0.041, 1), 0.112),
    "Fertility Regulation": ((0.46, 5), (2.21, 0.71), (0.34, 4), (1.59, 0.31), (0.014, 1), 0.082),
    "Gut": ((0.63, 5), (1.94, 0.62), (0.40, 4), (1.69, 0.29), (0.047, 2), 0.090),
    "Gynaecological, Neuro-oncology and Orphan Cancer": (
        (0.53, 4), (1.80, 0.56), (0.35, 4), (1.43, 0.25), (0.024, 1), 0.103,
    ),
    "Gynaecology and Fertility": ((0.40, 2), (1.24, 0.28), (0.25, 2), (1.29, 0.16), (0.021, 1), 0.086),
    "Haematology": ((0.57, 4), (2.91, 0.66), (0.31, 3), (1.22, 0.11), (0.047, 1), 0.089),
    "Heart": ((0.20, 2), (1.64, 0.29), (0.17, 3), (1.96, 0.24), (0.005, 1), 0.070),
    "Heart; Vascular": ((0.95, 4), (1.64, 0.83), (0.39, 3), (1.62, 0.25), (0.083, 1), 0.116),
    "Hepato-Biliary": ((0.43, 3), (1.58, 0.40), (0.23, 3), (1.44, 0.19), (0.014, 1), 0.093),
    "HIV/AIDS": ((0.32, 4), (1.76, 0.36), (0.21, 3), (1.66, 0.23), (0.018, 2), 0.097),
    "Hypertension": ((0.28, 5), (1.25, 0.10), (0.25, 4), (1.48, 0.11), (0.006, 2), 0.059),
    "Incontinence": ((0.75, 3), (2.07, 1.09), (0.39, 3), (1.53, 0.33), (0.060, 2), 0.125),
    "Infectious Diseases": ((0.66, 3), (2.08, 0.86), (0.41, 3), (1.30, 0.27), (0.019, 1), 0.098),
    "Injuries": ((0.60, 4), (1.52, 0.49), (0.27, 4), (1.46, 0.19), (0.010, 1), 0.137),
    "Kidney and Transplant": ((0.53, 4), (1.68, 0.44), (0.35, 4), (1.51, 0.23), (0.028, 1), 0.089),
    "Lung Cancer": ((0.61, 5), (2.04, 0.68), (0.38, 4), (1.49, 0.26), (0.057, 2), 0.116),
    "Metabolic and Endocrine Disorders": ((0.29, 2), (0.92, 0.11), (0.13, 1), (1.55, 0.19), (0.003, 1), 0.091),
    "Methodology": ((0.60, 5), (2.04, 0.50), (0.27, 5), (1.74, 0.23), (0.097, 2), 0.102),
    "Movement Disorders": ((0.73, 5), (2.14, 0.64), (0.46, 4), (1.54, 0.24), (0.055, 2), 0.071),
    "Multiple Sclerosis and Rare Diseases of the CNS": (
        (0.76, 4), (2.09, 0.71), (0.44, 3), (1.58, 0.35), (0.067, 2), 0.101,
    ),
    "Musculoskeletal": ((0.59, 4), (1.76, 0.59), (0.33, 3), (1.54, 0.31), (0.010, 1), 0.109),
    "Neonatal": ((0.29, 3), (1.80, 0.42), (0.18, 3), (1.89, 0.30), (0.022, 1), 0.088),
    "Neuromuscular": ((0.70, 5), (1.74, 0.49), (0.41, 4), (1.44, 0.15), (0.034, 1), 0.075),
    "Oral Health": ((1.13, 4), (1.85, 0.70), (0.55, 4), (1.50, 0.37), (0.030, 1), 0.121),
    "Pain, Palliative and Supportive Care": ((1.00, 7), (1.50, 0.40), (0.59, 5), (1.98, 0.39), (0.111, 2), 0.106),
    "Pregnancy and Childbirth": ((0.38, 2), (1.73, 0.47), (0.24, 2), (1.40, 0.21), (0.012, 1), 0.082),
    "Schizophrenia": ((0.58, 4), (1.92, 0.69), (0.33, 3), (1.47, 0.26), (0.028, 1), 0.102),
    "Sexually Transmitted Infections": ((0.61, 2), (1.72, 0.47), (0.39, 3), (1.43, 0.21), (0.035, 1), 0.117),
    "Skin": ((0.81, 2), (1.64, 0.49), (0.41, 1), (1.49, 0.23), (0.033, 1), 0.123),
    "Stroke": ((0.22, 2), (1.36, 0.21), (0.13, 2), (1.52, 0.15), (0.014, 1), 0.060),
    "Tobacco Addiction": ((0.49, 5), (2.51, 0.63), (0.36, 5), (2.02, 0.36), (0.042, 2), 0.065),
    "Urology": ((0.82, 5), (1.72, 0.50), (0.44, 3), (1.37, 0.18), (0.041, 1), 0.102),
    "Vascular": ((0.68, 5), (1.70, 0.45), (0.43, 5), (1.26, 0.19), (0.012, 1), 0.119),
    "Work": ((0.59, 4), (1.79, 0.73), (0.23, 3), (1.50, 0.26), (0.062, 2), 0.123),
    "Wounds": ((0.60, 4), (2.16, 0.86), (0.37, 4), (1.63, 0.38), (0.012, 1), 0.088),
}  # fmt: skip
"""Field → laws of log odds ratios, log risk ratios and risk differences."""

HAZARD = (0.13, 2, 2.42, 0.30)
"""Scale and df of t for μ, shape and scale of the inverse gamma for τ; log hazard ratios, all fields together."""
