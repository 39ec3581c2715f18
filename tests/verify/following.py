"""Responses that follow a row of IFEval to the letter, made by rule: a part for each instruction, then put together.

In:  a row's instructions. Out: a response, or None where these few rules can't join its instructions.
They say nothing worth reading. What they follow is decided by how they are made, not by the checker under test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# None of them has more than one of the letters that rows count.
FILLERS = ("my", "tall", "brown", "fat", "dust", "runs", "by", "us", "hum", "skys")
IN_LANGUAGE = {
    "hi": "यह एक छोटी कहानी है और हम सब इसे बहुत पसंद करते हैं क्योंकि यह हमारे गाँव के बारे में है",
    "pa": "ਇਹ ਇੱਕ ਛੋਟੀ ਕਹਾਣੀ ਹੈ ਅਤੇ ਅਸੀਂ ਸਾਰੇ ਇਸ ਨੂੰ ਬਹੁਤ ਪਸੰਦ ਕਰਦੇ ਹਾਂ",
    "mr": "ही एक छोटी गोष्ट आहे आणि आम्हाला ती खूप आवडते कारण ती आमच्या गावाबद्दल आहे",
    "vi": "đây là một câu chuyện ngắn và tất cả chúng tôi đều rất thích nó vì nó kể về làng của chúng tôi",
    "sw": "hii ni hadithi fupi na sisi sote tunaipenda sana kwa sababu inahusu kijiji chetu na watu wake",
    "ru": "это небольшой рассказ и он нам всем очень нравится потому что он о нашей деревне",
    "bg": "това е кратък разказ и всички ние много го харесваме защото той е за нашето село",
    "pt": "esta é uma pequena história e todos nós gostamos muito dela porque ela fala da nossa aldeia",
    "te": "ఇది ఒక చిన్న కథ మరియు మనందరికీ ఇది చాలా ఇష్టం",
    "it": "questa è una breve storia che piace molto a tutti noi perché parla del nostro villaggio",
    "de": "dies ist eine kurze Geschichte und wir alle mögen sie sehr weil sie von unserem Dorf handelt",
    "fi": "tämä on lyhyt tarina ja me kaikki pidämme siitä kovasti koska se kertoo kylästämme",
    "th": "นี่คือเรื่องสั้นและพวกเราทุกคนชอบมันมากเพราะมันเกี่ยวกับหมู่บ้านของเรา",
    "ne": "यो एउटा छोटो कथा हो र हामी सबैलाई यो धेरै मन पर्छ किनभने यो हाम्रो गाउँको बारेमा छ",
    "bn": "এটি একটি ছোট গল্প এবং আমরা সবাই এটি খুব পছন্দ করি কারণ এটি আমাদের গ্রাম নিয়ে",
}
ENGLISH = "this is a short story that we all like very much because it is about the people of our village"


def respond(instructions: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """A response that follows all of these."""
    given = dict(instructions)
    if len(given) != len(instructions):
        return None
    if "detectable_format:constrained_response" in given:
        return "My answer is maybe."
    text = _joined(given, _sentences(given))
    if text is None:
        return None
    if "detectable_format:json_format" in given:
        return '{"said": "' + text.replace('"', "'").replace("\n", " ") + '"}'
    if "change_case:english_capital" in given:
        text = text.upper()
    if "change_case:english_lowercase" in given:
        text = text.lower()
    if "punctuation:no_comma" in given:
        text = text.replace(",", "")
    if repeat := given.get("combination:repeat_prompt"):
        text = f"{repeat['prompt_to_repeat']}\n{text}"
    return f'"{text}"' if "startend:quotation" in given else text


def _sentences(given: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is said, a sentence each, without the shape that it is given."""
    said = []
    forbidden = {word.lower() for word in given.get("keywords:forbidden_words", {}).get("forbidden_words", ())}
    letter = given.get("keywords:letter_frequency", {})
    few = letter.get("letter", "") if letter.get("let_relation") == "less than" else ""
    filler = [word for word in FILLERS if word not in forbidden and not (few and few in word)]
    if language := given.get("language:response_language"):
        said.append(IN_LANGUAGE[language["language"]])
    elif {"change_case:english_capital", "change_case:english_lowercase"} & set(given):
        said.append(ENGLISH)
    else:
        said.append(" ".join(filler[:4]))
    said += [f"{filler[0]} {word}" for word in given.get("keywords:existence", {}).get("keywords", ())]
    frequency = given.get("keywords:frequency", {})
    if frequency.get("relation") == "at least":
        said.append(" ".join([frequency["keyword"]] * frequency["frequency"]))
    if letter.get("let_relation") == "at least":
        said.append(" ".join([letter["letter"]] * letter["let_frequency"]))
    capitals = given.get("change_case:capital_word_frequency", {})
    if capitals.get("capital_relation") == "at least":
        said.append(" ".join(["HM"] * capitals["capital_frequency"]))
    if marks := given.get("detectable_content:number_placeholders"):
        said.append(" ".join(["[x]"] * marks["num_placeholders"]))
    words = given.get("length_constraints:number_words", {})
    if words.get("relation") == "at least":
        said.append(" ".join(filler * (words["num_words"] // len(filler) + 1)))
    sentences = given.get("length_constraints:number_sentences", {})
    if sentences.get("relation") == "less than":
        return [" ".join(said)]
    said += [f"{filler[0]} {filler[1]}"] * (sentences.get("num_sentences", 0) - len(said))
    return said


def _joined(given: Mapping[str, Mapping[str, Any]], said: Sequence[str]) -> str | None:
    """The sentences in the shape that is asked for."""
    text = " ".join(f"{sentence}." for sentence in said)
    parts = [text]
    if number := given.get("length_constraints:nth_paragraph_first_word"):
        parts = [f"{number['first_word']} {said[0]}."] * number["num_paragraphs"]
        parts[-1] += f" {text}"
        text = "\n\n".join(parts)
    if number := given.get("length_constraints:number_paragraphs"):
        text = "\n***\n".join([text, *["hm."] * (number["num_paragraphs"] - 1)])
    if number := given.get("detectable_format:multiple_sections"):
        marks = [f"{number['section_spliter']} {i}" for i in range(1, number["num_sections"] + 1)]
        text = "\n".join(f"{mark}\n{text if not i else 'hm.'}" for i, mark in enumerate(marks))
    if number := given.get("detectable_format:number_highlighted_sections"):
        text += "\n" + " ".join(["*hm*"] * number["num_highlights"])
    if number := given.get("detectable_format:number_bullet_lists"):
        text += "\n" + "\n".join(["* hm"] * number["num_bullets"])
    if "detectable_format:title" in given:
        text = f"<<hm>>\n{text}"
    if "combination:two_responses" in given:
        text = f"{text}\n******\n{text} hm."
    if mark := given.get("detectable_content:postscript"):
        text += f"\n{mark['postscript_marker']} hm."
    if end := given.get("startend:end_checker"):
        text += f"\n{end['end_phrase']}"
    return text
