"""Recognize small talk: greetings, thanks, assent, fillers. Tables for a few major languages.

`is_smalltalk` compares whole utterances part by part; `without_opening` strips openings such as "Yes,". A phrase that
is not in a table is not small talk.
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache

CACHED_SENTENCES = 2_048
"""Each sentence is checked twice in a row: for small talk, and for a statement."""

_PHRASES = """
hi|hi there|hello|hello there|hey|hey there|hiya|howdy|greetings|good morning|good afternoon|good evening|good night
good day|morning|evening|welcome|welcome back|yo|sup|hi all|hi everyone|hello everyone|good morning everyone|goodnight
thanks|thank you|thanks a lot|thanks a million|thanks so much|thank you so much|thank you very much|many thanks|thx|ty
cheers|much appreciated|i appreciate it|appreciated|thanks again|thank you again|thanks in advance
you're welcome|you are welcome|no problem|no worries|don't mention it|my pleasure|anytime|not at all|always welcome
always a pleasure|bye|bye bye|goodbye|see you|see ya|see you later|see you soon|see you tomorrow|talk to you later|cya
talk soon|later|take care|have fun|good luck|congrats|congratulations|happy birthday|merry christmas|happy new year
enjoy|cheerio|farewell|until next time|sleep well|get well soon|safe travels|best wishes|kind regards|best regards
yes|no|yeah|yep|yup|nope|nah|ok|okay|k|sure|sure thing|of course|certainly|absolutely|definitely|exactly|precisely
right|all right|alright|fine|great|nice|cool|awesome|perfect|excellent|wonderful|amazing|fantastic|lovely|brilliant
good|very good|very nice|sounds good|sounds great|sounds good to me|sounds like a plan|looks good|looks good to me|lgtm
that's great|that's good|that's nice|that's cool|that's fine|that's right|that's it|that's all|that's perfect|so cool
that's awesome|that's true|that's amazing|that makes sense|makes sense|it works|it worked|that works|that helps
that would be great|got it|gotcha|understood|noted|roger|copy that|will do|done|i see|i know|i understand|i agree
i disagree|i get it|i got it|i think so|i don't think so|i hope so|i guess|i guess so|i suppose so|i don't know|idk
i do not know|i have no idea|no idea|i'm not sure|i am not sure|not sure|i mean|i'm sorry|i am sorry|sorry|my bad
my apologies|apologies|i apologize|excuse me|pardon|pardon me|oops|whoops|wow|whoa|oh|ah|aha|oh no|oh my god|omg
oh my goodness|my goodness|my god|oh wow|lol|lmao|rofl|haha|hahaha|hehe|hmm|hm|um|uh|er|ugh|phew|yay|hooray|ouch|eh|huh
well|so|anyway|anyways|never mind|nevermind|whatever|maybe|perhaps|probably|possibly|maybe later|not really|not yet
of course not|me too|me neither|same|same here|same to you|you too|likewise|true|indeed|interesting|how interesting
good point|good idea|good question|great question|great idea|fair enough|fair|no way|really|seriously|wait|stop|go on
continue|next|please|please do|yes please|no thanks|no thank you|i'm back|i am back|i'm here|i am here|i'm fine
i am fine|i'm good|i am good|i'm ok|i'm okay|i'm doing well|i'm doing great|i'm well|i'm great|fine thanks|test|testing
i can't believe it|i love it|good for you|well done|good job|great job|nice work|nice one|bless you|amen|here you go
here it is|there you go|let's go|after you|i'll be right back|brb|nice to meet you|pleased to meet you|my friend
nice meeting you|good to see you|good to hear|glad to hear that|sorry to hear that|i'm sorry to hear that|you know
happy to help|glad to help|i'm glad to help|i'm happy to help|you bet|hold on|one moment|just a moment|one second
hola|buenas|buenos días|buenas tardes|buenas noches|gracias|muchas gracias|mil gracias|de nada|adiós|hasta luego
hasta mañana|sí|si|vale|claro|por favor|perdón|lo siento|bonjour|bonsoir|salut|coucou|merci|merci beaucoup|merci bien
de rien|au revoir|à bientôt|à demain|oui|non|d'accord|bien sûr|pardon|désolé|s'il te plaît|s'il vous plaît|bonne nuit
bonne journée|hallo|guten morgen|guten tag|guten abend|gute nacht|moin|servus|danke|danke schön|dankeschön|vielen dank
danke dir|bitte|bitte schön|gern geschehen|tschüss|auf wiedersehen|bis bald|bis morgen|ja|nein|genau|klar|alles klar
gut|entschuldigung|ciao|salve|buongiorno|buonasera|buonanotte|grazie|grazie mille|prego|arrivederci|sì|va bene|certo
scusa|olá|oi|bom dia|boa tarde|boa noite|obrigado|obrigada|muito obrigado|muito obrigada|tchau|até logo|sim|não|claro
desculpe|hoi|goedemorgen|goedenavond|dank je|dank je wel|dank u wel|bedankt|tot ziens|nee|hej|hei|tack|tack så mycket
tak|takk|mange tak|hejdå|cześć|dzień dobry|dobry wieczór|dziękuję|tak|nie|ahoj|děkuji|merhaba|selam|günaydın
teşekkürler|teşekkür ederim|evet|hayır|привет|здравствуйте|здравствуй|доброе утро|добрый день|добрый вечер|спасибо
большое спасибо|спасибо большое|пожалуйста|пока|до свидания|да|нет|хорошо|ладно|привіт|дякую|так|ні
مرحبا|مرحباً|السلام عليكم|صباح الخير|مساء الخير|شكرا|شكراً|شكرا جزيلا|نعم|لا|مع السلامة|नमस्ते|नमस्कार|धन्यवाद
शुक्रिया|हाँ|नहीं|ठीक है|terima kasih|halo|selamat pagi|ya|tidak|xin chào|cảm ơn|vâng|không|สวัสดี|สวัสดีครับ|สวัสดีค่ะ
ขอบคุณ|ขอบคุณครับ|ขอบคุณค่ะ|こんにちは|おはよう|おはようございます|こんばんは|おやすみ|おやすみなさい|ありがとう
ありがとうございます|ありがとうございました|どうもありがとう|どうもありがとうございます|どうも|はい|いいえ|うん
さようなら|またね|すみません|ごめん|ごめんなさい|よろしくお願いします|お願いします|わかりました|分かりました|了解です
了解|なるほど|そうですね|はじめまして|你好|您好|大家好|嗨|早上好|早安|下午好|晚上好|晚安|谢谢|謝謝|谢谢你|謝謝你
非常感谢|多谢|多謝|不客气|不客氣|再见|再見|好的|好|是的|对|不是|没关系|沒關係|对不起|對不起|请|明白了|知道了
안녕|안녕하세요|안녕히 가세요|안녕히 계세요|감사합니다|고맙습니다|고마워|고마워요|네|예|아니요|아니
알겠습니다|죄송합니다
"""
PHRASES = frozenset(phrase for line in _PHRASES.split("\n") for phrase in line.split("|") if phrase)

_PARTS = re.compile(r"[^\w' \u0300-\u036f\u064b-\u0652\u0900-\u0963\u0966-\u097f\u0e00-\u0e7f]+")
"""Separators of phrases. The ranges are combining marks (accents, vowels), which are part of words but not letters."""
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|night)|welcome|bye|goodbye|hola|bonjour|hallo|ciao|olá)"
    r"(?: (?:there|all|everyone|everybody|again|team|folks|guys|(?-i:[A-Z])[\w'-]*)){0,3}",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:many )?(?:thanks(?! to)|thank you|congratulations|congrats|sorry (?:for|about|to)|welcome to|good luck"
    r"|happy (?:birthday|new year|holidays)|see you|talk to you|have (?:a|an) (?:nice|good|great|lovely|safe)"
    r"|i(?:'m| am) (?:so |very |really )?(?:sorry|glad) (?:for|about|to hear)|apologies for|nice to (?:meet|see|hear)"
    r"|i hope (?:you(?:'re| are)|this (?:finds|helps)|that helps|all is well)|no worries|no problem"
    r"|(?:i(?:'m| am) |(?:i(?:'d| would) be ))?(?:always |very |more than )?(?:happy|glad)"
    r" (?:to (?:help|hear|assist)|you|that you)"
    r"|that(?:'s| is) (?:so |really |such |very )?(?:a )?(?:great|good|nice|lovely|wonderful|exciting|sad|bad)"
    r" (?:news|to hear|idea|point)"
    r"|you(?:'re| are) (?:so |quite |absolutely )?(?:right|welcome|kind)|i (?:see|know) what you mean"
    r"|i (?:really )?appreciate your|i wish you|wishing you|best of luck|(?:always )?happy to help"
    r"|gracias por|merci (?:pour|de)|danke für|vielen dank für|grazie per|obrigad[oa] (?:por|pelo)|спасибо за)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:well|oh|ah|aha|yes|yeah|yep|yup|no|nope|nah|ok|okay|sure|so|actually|honestly|btw|by the way|also|and|but|lol"
    r"|haha|hmm+|hm|um+|uh|anyway|anyways|right|great|nice|cool|wow|thanks|thank you|thx|sorry|fyi|ps|p\.s\.|you know"
    r"|look|listen|i mean|of course|to be honest|tbh|in fact|basically|perfect|awesome|alright|all right|absolutely"
    r"|definitely|exactly|good|fine|true|indeed|interesting|hi|hello|hey|hi there|hello there|good morning|good evening"
    r"|good afternoon|hey there)(?:\s*[,.:;!…—–-]+\s*|\s+-\s+)",
    re.IGNORECASE,
)
_BARE_OPENING = re.compile(
    r"(?:hi|hello|hey|well|oh|yes|yeah|no|ok|okay|and|but|so|sure|also|anyway|btw|haha|lol)\s+"
    r"(?=(?:i|i'm|i've|i'll|i'd|my)\b)",
    re.IGNORECASE,
)


@text_cache(maxsize=CACHED_SENTENCES)
def is_smalltalk(sentence: str) -> bool:
    """Whether the sentence consists of small talk only. Expects straight apostrophes."""
    if _WISH.match(sentence):
        return True
    parts = map(str.strip, _PARTS.split(sentence))
    return all(not part or part.casefold() in PHRASES or bool(_GREETING.fullmatch(part)) for part in parts)


def without_opening(sentence: str) -> str:
    """Strip openings and greetings: "Yes, well, I do" becomes "I do". Expects straight apostrophes."""
    start = 0
    while match := _OPENING.match(sentence, start) or _BARE_OPENING.match(sentence, start):
        start = match.end()
    greeted = _GREETING.match(sentence, start)
    if greeted and sentence[greeted.end() : greeted.end() + 1] in {",", "!", "."}:
        start = greeted.end() + 1
    return sentence[start:].strip()
